// Walks the names of the target that a key of the source in scope may have, or may have had, without their values. It runs beside
// whatever else the target is doing, on a connection and within a budget of its own.

import type { RespError } from '../../resp/errors.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { NodeLinkOptions } from '../cluster/node-link.ts';
import type { SlotSet } from '../cluster/slot.ts';
import { Channel } from '../flow/channel.ts';
import { whileListening } from '../flow/failure.ts';
import type { KeyId } from '../flow/key-id.ts';
import { ExistenceReader, NAMES_OF_A_COMMAND, TypeReader, type ExistenceSink } from '../keys/name-readers.ts';
import type { KeyScope } from '../scan/key-scope.ts';
import { depthFor } from '../server/transfer-limits.ts';
import type { LookupOptions } from '../source/lookup.ts';
import { RedisSource } from '../source/redis-source.ts';
import type { SourceNotice } from '../source/source.ts';
import { isInternalName } from '../target/internal-names.ts';
import type { KeyMapping } from '../target/key-mapping.ts';
import type { Target } from '../target/target.ts';

/** `hearing` is for whoever asks the source beside the walk. */
export interface NameWalkOptions extends NodeLinkOptions {
  readonly mapping: KeyMapping;
  /** SCAN COUNT. */
  readonly count?: number | undefined;
  /** Something about the walk that the operator should know. */
  readonly onNotice?: ((notice: SourceNotice) => void) | undefined;
}

export interface NameWalk {
  /** Databases of the target. */
  readonly databases: readonly number[];
  readonly scope: KeyScope;
  /** Of a cluster nothing but these; all where it is missing. */
  readonly slots?: SlotSet | undefined;
  /** The target would not say whether this one is of the type in scope. */
  readonly onRefused: (db: number, name: Buffer, error: RespError) => void;
  /** The target lost keys meanwhile, or SCAN did not give all of them. */
  readonly onShrunk: () => void;
  /** As of `NodeLinkOptions`, for what is walked. */
  readonly hearing?: NodeLinkOptions['hearing'];
}

const BUDGET_BYTES = 4 * 1024 * 1024;
/** Nothing is asked about a value. */
const NO_VALUES = {
  mode: 'dropped',
  usage: undefined,
  fields: undefined,
  bigKey: Infinity,
  maxLatency: { ms: Infinity },
  bySize: false,
} as const;

/**
 * Every name that is there throughout comes to `taker` as an entry, maybe twice.
 * @throws RespError where a node of the target is lost for good, or not all of it can be walked; what `taker` throws; the reason
 *   of the target's signal
 */
export async function walkNames(
  target: Deployment,
  { retry, onReconnect, count, onNotice = () => {} }: NameWalkOptions,
  { databases, scope, slots, onRefused: onReadRefused, onShrunk, hearing }: NameWalk,
  taker: Target,
): Promise<void> {
  const depth = depthFor(Math.max(0, ...target.servers.map(({ roundTrip }) => roundTrip)));
  const channel = new Channel({ maxEntries: 2 * depth, maxBytes: BUDGET_BYTES });
  const what = { databases, scope, slots, keys: 0, namesOnly: true, dump: NO_VALUES };
  const sink = { onGone() {}, onExpired() {}, onReadRefused, onShrunk, onNotice };
  const source = new RedisSource(target, { retry, onReconnect, hearing, count, ...what }, sink);
  const stop = (reason: Error): void => {
    channel.abort(reason);
    source.stop(reason);
  };
  const read = source.read.bind(source, channel);
  await whileListening(target.signal, stop, () => Promise.all([reading(read, channel), taking(taker, channel, stop)]));
}

/** What goes wrong travels through the channel, behind the names that came before it. */
async function reading(read: () => Promise<void>, channel: Channel): Promise<void> {
  try {
    await read();
    channel.close();
  } catch (error) {
    channel.close(error);
  }
}

async function taking(taker: Target, channel: Channel, stop: (reason: Error) => void): Promise<void> {
  try {
    await taker.write(channel);
  } catch (error) {
    stop(error as Error);
    throw error;
  }
}

/** Keys in scope that would have this name at the target; none where it is not about a key of the source. */
export function originsOf(mapping: KeyMapping, db: number, name: Buffer): readonly KeyId[] {
  return isInternalName(name) ? [] : mapping.sourcesOf(db, name);
}

/**
 * Asks a source for keys by name alone.
 * @param type as TYPE names it: a key of another one is as good as gone; `undefined` for any
 * @param onThere the source has it: the very Buffer that was asked with
 */
export function readsNames(type: string | undefined, onThere: (key: Buffer) => void): LookupOptions['newKeyReader'] {
  return ({ connection, selection, server }, answers) => {
    const depth = depthFor(server.roundTrip);
    const there: ExistenceSink['onThere'] = ({ own, bytes, start, end }) => {
      answers.onAnswered(1);
      onThere(own ?? bytes.slice(start, end));
    };
    const sink = { ...answers, onThere: there };
    if (type !== undefined) return new TypeReader(connection, selection, { depth, type }, sink);
    const most = server.info.cluster ? 1 : NAMES_OF_A_COMMAND;
    return new ExistenceReader(connection, selection, { depth, most }, sink);
  };
}
