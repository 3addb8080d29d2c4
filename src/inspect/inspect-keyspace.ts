// What a server, a cluster or a file holds, in tables: everything in scope is walked as for a copy, and counted.

import { nameOf, RespError } from '../../resp/errors.ts';
import { SlotSet } from '../cluster/slot.ts';
import { whileListening } from '../flow/failure.ts';
import { countedAnew } from '../sync/counting.ts';
import { channelOf, Flow, sourceOf } from '../sync/flow.ts';
import { startEvent, withSides, type Run } from '../sync/preflight.ts';
import { settingsOf, withForms } from '../sync/settings.ts';
import { InspectProgress } from './inspect-progress.ts';
import { KeyspaceTally, type Count } from './keyspace-tally.ts';
import { LargeFacts } from './large-facts.ts';
import type { RankedKey } from './largest.ts';
import type { InspectOptions } from './options.ts';
import type { PrefixFigures } from './prefixes.ts';

export interface InspectKeyspaceOptions extends InspectOptions {
  /** Colons in a prefix, at most. Default 1. */
  readonly depth?: number | undefined;
  /** Called with what was counted so far where `signal` ends it, before it rejects. */
  readonly onPartial?: ((figures: KeyspaceFigures) => void) | undefined;
}

export interface NodeFigures {
  /** `host:port` */
  readonly node: string;
  /** Slots that it serves. */
  readonly slots: number;
  readonly keys: number;
  readonly bytes: number;
}

export interface SlotFigures {
  readonly slot: number;
  readonly keys: number;
  readonly bytes: number;
}

export interface KeyspaceFigures {
  /** Whether everything was read. */
  readonly complete: boolean;
  readonly keys: number;
  readonly bytes: number;
  readonly expiring: number;
  /** Values of which the bytes are what the server estimates of its memory, or where it does not, what their length says. */
  readonly large: number;
  /** Keys that could not be read. */
  readonly failed: number;
  /** Of the keys, those of slots that were read more than once, as they have moved: each may be counted as often. */
  readonly recounted: number;
  /** The one with the most bytes first. */
  readonly types: readonly ({ readonly type: string } & Readonly<Count>)[];
  /** Those with the most bytes. */
  readonly databases: readonly ({ readonly db: number } & Readonly<Count>)[];
  readonly prefixes: readonly PrefixFigures[];
  /** Bytes that may be missing in the figures of a prefix; 0 where they are exact. */
  readonly uncertain: number;
  readonly largest: readonly RankedKey[];
  /** By the logarithmic counter of the server; empty where it does not count. */
  readonly hottest: readonly RankedKey[];
  /** The server counts, and would tell of no key. */
  readonly hottestUntold: boolean;
  /** Of a cluster. */
  readonly nodes: readonly NodeFigures[];
  /** All that have keys, the one with the most bytes first. */
  readonly slots: readonly SlotFigures[];
  /** Milliseconds. */
  readonly elapsed: number;
}

const MOST_DATABASES = 20;
const MOST_PREFIXES = 20;
const USUAL_DEPTH = 1;

/** @throws RespError where the endpoint cannot be read to its end: then nothing is known */
export async function inspectKeyspace(options: InspectKeyspaceOptions): Promise<KeyspaceFigures> {
  const progress = new InspectProgress((event) => options.onEvent?.(event));
  const access = { purpose: 'read', onReconnect: progress.onReconnect.bind(progress) } as const;
  const count = async (isAnew: boolean): Promise<KeyspaceFigures | undefined> => {
    // The flow before has stopped what goes with its settings.
    const settings = await withForms(settingsOf({ ...options, to: '-' }, 'inspect'));
    return withSides(settings, access, (run) => inspectIn(run, options, progress, isAnew));
  };
  return countedAnew(count, progress, 'inspect');
}

/** @returns `undefined` where what was counted is read again */
async function inspectIn(
  run: Run,
  { depth = USUAL_DEPTH, onPartial }: InspectKeyspaceOptions,
  progress: InspectProgress,
  isAnew: boolean,
): Promise<KeyspaceFigures | undefined> {
  const { plan, settings, sides } = run;
  const { source: side } = sides;
  const { signal, retry } = settings;
  const reading = { plan, settings: { ...settings, preserveIdle: side === undefined || countsFrequency(run) } };
  const source = sourceOf(side, reading, progress, { plainly: isAnew });
  const facts = side && new LargeFacts(side, { retry, onReconnect: progress.onReconnect.bind(progress) });
  const asked = { typeOf: facts?.typeOf.bind(facts), sizeOf: facts?.sizeOf.bind(facts) };
  const tally = new KeyspaceTally({ depth, isCluster: side?.isCluster === true, ...asked });
  const flow = new Flow(source, channelOf(run), tally, run);
  const moved = new SlotSet();
  const figures = (complete: boolean): KeyspaceFigures => figuresOf(run, tally, progress, moved, complete);
  let isVoid = false;
  progress.counted = tally;
  progress.onMoved = (slots) => moved.addAll(slots);
  progress.onAnew = () => {
    isVoid = true;
    flow.stop(new RespError('COUNTED_ANEW', 'The source is counted anew'));
  };
  progress.start(startEvent(run), [], () => source.fraction);
  try {
    await whileListening(
      signal,
      (reason) => facts?.stop(reason),
      () => flow.run(signal),
    );
    if (isVoid) return undefined;
    progress.finish(tally.keys === 0);
  } catch (error) {
    if (isVoid && signal?.aborted !== true) return undefined;
    progress.stop();
    if (signal?.aborted === true) onPartial?.(figures(false));
    throw error;
  } finally {
    facts?.close();
  }
  return figures(true);
}

function countsFrequency({ sides: { source } }: Run): boolean {
  return source?.servers.some(({ info }) => info.countsFrequency) === true;
}

function figuresOf(
  run: Run,
  tally: KeyspaceTally,
  progress: InspectProgress,
  moved: SlotSet,
  complete: boolean,
): KeyspaceFigures {
  const types = [...tally.types].map(([type, count]) => ({ type, ...count }));
  return {
    complete,
    keys: tally.keys,
    bytes: tally.bytes,
    expiring: types.reduce((sum, { expiring }) => sum + expiring, 0),
    large: tally.large,
    failed: progress.failed,
    recounted: [...moved].reduce((sum, slot) => sum + tally.slotKeys[slot]!, 0),
    types: types.toSorted(byBytes),
    databases: [...tally.databases]
      .map(([db, count]) => ({ db, ...count }))
      .toSorted(byBytes)
      .slice(0, MOST_DATABASES),
    prefixes: tally.prefixes.largest(MOST_PREFIXES),
    uncertain: tally.prefixes.uncertain,
    largest: tally.largest.all,
    hottest: tally.hottest.all,
    hottestUntold: countsFrequency(run) && tally.keys > 0 && tally.hottest.all.length === 0,
    nodes: nodesOf(run, tally),
    slots: slotsOf(tally),
    elapsed: progress.elapsed,
  };
}

/** The one with the most first. */
function byBytes(one: Readonly<Count>, other: Readonly<Count>): number {
  return other.bytes - one.bytes || other.keys - one.keys;
}

/** As the slots are served at the end. */
function nodesOf({ sides: { source } }: Run, { slotKeys, slotBytes }: KeyspaceTally): NodeFigures[] {
  if (source?.isCluster !== true) return [];
  const { topology } = source;
  return topology.nodes.map((node) => {
    const slots = topology.slotsOf(node);
    let [keys, bytes] = [0, 0];
    for (const slot of slots) {
      keys += slotKeys[slot]!;
      bytes += slotBytes[slot]!;
    }
    return { node: nameOf(node.peer), slots: slots.size, keys, bytes };
  });
}

function slotsOf({ slotKeys, slotBytes }: KeyspaceTally): SlotFigures[] {
  if (slotKeys.length === 0) return [];
  return [...SlotSet.all()]
    .filter((slot) => slotKeys[slot]! > 0)
    .map((slot) => ({ slot, keys: slotKeys[slot]!, bytes: slotBytes[slot]! }))
    .toSorted((one, other) => other.bytes - one.bytes);
}
