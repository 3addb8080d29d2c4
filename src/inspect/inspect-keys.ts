// Reads keys by name, to show what is in them: from a server or a cluster they are asked for, a file is read to its end.

import type { Buffer } from 'node:buffer';
import { nameOf, ReplyError, RespError } from '../../resp/errors.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { slotOf } from '../cluster/slot.ts';
import type { Entry } from '../flow/entry.ts';
import { whileListening } from '../flow/failure.ts';
import { idOf, type KeyId } from '../flow/key-id.ts';
import { ownCopy } from '../flow/own-copy.ts';
import { NEVER, plus, type Milliseconds } from '../rdb/milliseconds.ts';
import { CHANGED, GONE } from '../keys/value-end.ts';
import { NamedKeys } from '../source/named-keys.ts';
import type { Source } from '../source/source.ts';
import { channelOf, fileSourceOf, Flow } from '../sync/flow.ts';
import { startEvent, withSides, type Run } from '../sync/preflight.ts';
import { settingsOf, withForms, type Settings } from '../sync/settings.ts';
import { eachEntry } from '../target/target.ts';
import { InspectProgress } from './inspect-progress.ts';
import { GONE as NONE, LargeFacts } from './large-facts.ts';
import type { InspectOptions } from './options.ts';

/** A key as it was found. */
export interface InspectedKey {
  readonly db: number;
  readonly key: Buffer;
  /** Of a cluster. */
  readonly place?: { readonly slot: number; readonly node: string } | undefined;
  /** Milliseconds since 1970, or `NEVER`. */
  readonly expireAt: Milliseconds;
  /** Milliseconds since 1970, by the clock of its server. */
  readonly now: number;
  /** As DUMP has it; `null` where that would take the server too long. */
  readonly payload: Buffer | null;
  /** What reads the value piece by piece then. */
  readonly large: Entry['large'];
  /** Whether its bytes are those of a file, and not of memory. */
  readonly isStored: boolean;
  /** As TYPE names it, of such a value; `undefined` where nobody would say. */
  readonly largeType?: string | undefined;
  /** Elements of such a value, or bytes of a string; `undefined` where nobody would say. */
  readonly largeLength?: number | undefined;
}

export interface InspectKeysOptions extends InspectOptions {
  readonly keys: readonly Buffer[];
  /** Called with each key that is there, in the order of `keys` as far as that costs little; the next one waits for it. */
  readonly onKey: (key: InspectedKey) => Promise<void>;
}

export interface InspectedKeys {
  /** Those that are nowhere in the databases in question. */
  readonly missing: readonly Buffer[];
  /** Those that could not be read. */
  readonly failed: number;
}

/** Bytes of payloads that wait for their turn: beyond, they are shown as they come. */
const MOST_HELD = 16 * 1024 * 1024;

/** @throws RespError where the endpoint cannot be read */
export async function inspectKeys(options: InspectKeysOptions): Promise<InspectedKeys> {
  const settings = await withForms(settingsOf({ ...options, to: '-' }, 'inspect'));
  const refused = new Set<string>();
  const sink = new InspectProgress(settings.onEvent, (key) => refused.add(nameIn(key)));
  return withSides(settings, { purpose: 'read', onReconnect: (event) => sink.onReconnect(event) }, async (run) => {
    const found = await inspectIn(run, options, sink);
    const missing = found.missing.filter((key) => !refused.has(nameIn(key)));
    return { missing, failed: sink.failed };
  });
}

async function inspectIn(run: Run, options: InspectKeysOptions, sink: InspectProgress): Promise<FoundKeys> {
  const { sides, settings } = run;
  const { source: side } = sides;
  const { signal, retry } = settings;
  settings.onEvent(startEvent(run));
  const facts = side && new LargeFacts(side, { retry, onReconnect: sink.onReconnect.bind(sink) });
  const found = new FoundKeys(run, options, facts, sink);
  const wanted = (key: Buffer): boolean => found.wants(key);
  const source =
    side === undefined ? fileSourceOf(run, sink, { wanted, outlives: true }) : namedKeys(side, run, found.places, sink);
  const flow = new Flow(source, channelOf(run), eachEntry(found.take.bind(found)), run);
  try {
    await whileListening(
      signal,
      (reason) => facts?.stop(reason),
      () => flow.run(signal),
    );
    await found.showKept();
  } catch (error) {
    // Of a file that is damaged further on: whoever looks inside wants to see that it is.
    if (signal?.aborted !== true) await found.showKept();
    throw error;
  } finally {
    source.stop(new RespError('CLOSED', 'The inspection is over'));
    facts?.close();
  }
  return found;
}

function namedKeys(side: Deployment, { plan, settings }: Run, places: readonly KeyId[], sink: InspectProgress): Source {
  const { retry, bigKey, bySize, controls } = settings;
  const { mode, fields } = plan;
  const dump = { mode, fields, usage: undefined, bigKey, bySize, maxLatency: controls.maxLatency };
  const keys = places.map(({ db, key }): KeyId[] => [{ db, key: ownCopy(key) }]);
  return new NamedKeys(side, keys, { retry, onReconnect: sink.onReconnect.bind(sink), dump }, sink);
}

/** What is found of the keys that are wanted, and whose turn it is. */
class FoundKeys {
  readonly #run: Run;
  /** In their order, each once. */
  readonly #wanted: ReadonlyMap<string, Buffer>;
  readonly #facts: LargeFacts | undefined;
  readonly #sink: InspectProgress;
  readonly #onKey: InspectKeysOptions['onKey'];
  readonly #found = new Set<string>();
  /** Where a server is asked for them, in the order in which they are shown. */
  readonly places: readonly KeyId[];
  /** Of those the first that was not answered yet. */
  #turn = 0;
  readonly #answered = new Set<string>();
  /** By id; of a file that has a key twice, the later one. */
  readonly #held = new Map<string, InspectedKey>();
  #heldBytes = 0;

  /** @param facts of a server */
  constructor(
    run: Run,
    { keys, onKey }: Pick<InspectKeysOptions, 'keys' | 'onKey'>,
    facts: LargeFacts | undefined,
    sink: InspectProgress,
  ) {
    const wanted = new Map(keys.map((key) => [nameIn(key), key]));
    this.#run = run;
    this.#wanted = wanted;
    this.#facts = facts;
    this.#sink = sink;
    this.#onKey = onKey;
    const databases = run.sides.source === undefined ? [] : run.plan.databases;
    this.places = [...wanted.values()].flatMap((key) => databases.map(([db]) => ({ db, key })));
  }

  get missing(): readonly Buffer[] {
    return [...this.#wanted].filter(([name]) => !this.#found.has(name)).map(([, key]) => key);
  }

  wants(key: Buffer): boolean {
    return this.#wanted.has(nameIn(key));
  }

  async take(entry: Entry): Promise<void> {
    if (!this.wants(entry.key)) return;
    const id = idOf(entry);
    this.#answered.add(id);
    if (entry.payload !== null || entry.large !== null) {
      const key = this.#inspected(entry);
      // Who reads large values of a server is there as long as the others come.
      if (entry.large !== null && this.#facts !== undefined) await this.#show(key);
      else this.#hold(id, key);
    }
    await this.#showDue();
  }

  /** Once no later one can come. */
  async showKept(): Promise<void> {
    const ranks = new Map([...this.#wanted.keys()].map((name, at) => [name, at]));
    const kept = [...this.#held.values()].map((key) => ({ key, at: ranks.get(nameIn(key.key))! }));
    this.#held.clear();
    this.#heldBytes = 0;
    for (const { key } of kept.toSorted((one, other) => one.at - other.at || one.key.db - other.key.db))
      await this.#show(key);
  }

  #hold(id: string, key: InspectedKey): void {
    const payload = key.payload && ownCopy(key.payload);
    this.#heldBytes += (payload?.length ?? 0) - (this.#held.get(id)?.payload?.length ?? 0);
    this.#held.set(id, { ...key, payload });
  }

  async #showDue(): Promise<void> {
    for (; this.#turn < this.places.length; this.#turn++) {
      const id = idOf(this.places[this.#turn]!);
      if (!this.#answered.has(id)) break;
      const key = this.#held.get(id);
      if (key === undefined) continue;
      this.#held.delete(id);
      this.#heldBytes -= key.payload?.length ?? 0;
      await this.#show(key);
    }
    // Of a stream a later one may take its place.
    if (this.#heldBytes > MOST_HELD && !isStream(this.#run.settings)) await this.showKept();
  }

  async #show(key: InspectedKey): Promise<void> {
    const { large } = key;
    const largeType = large === null ? undefined : (large.type ?? (await this.#facts?.typeOf(key.db, key.key)));
    // It was there a moment ago.
    if (largeType === NONE) return;
    this.#found.add(nameIn(key.key));
    if (large === null) return this.#onKey(key);
    const largeLength = largeType === undefined ? undefined : await this.#facts?.lengthOf(key.db, key.key, largeType);
    try {
      await this.#onKey({ ...key, largeType, largeLength });
    } catch (error) {
      if (!isOfKey(error)) throw error;
      this.#sink.onReadRefused(key.db, key.key, error);
    }
  }

  #inspected({ db, key, expireAt, payload, large }: Entry): InspectedKey {
    const { mode, clock } = this.#run.plan;
    // What is told by a clock of this machine has no date of its own.
    const offset = mode === 'exact' ? 0 : Date.now() - clock();
    const now = clock() + offset;
    const expiry = expireAt === NEVER ? NEVER : plus(expireAt, offset);
    const isStored = this.#facts === undefined;
    return { db, key: ownCopy(key), place: this.#placeOf(key), expireAt: expiry, now, payload, large, isStored };
  }

  #placeOf(key: Buffer): InspectedKey['place'] {
    const { source } = this.#run.sides;
    if (source?.isCluster !== true) return undefined;
    const node = source.nodeOf(key);
    return { slot: slotOf(key), node: node === undefined ? 'no node' : nameOf(node.peer) };
  }
}

function isStream({ from }: Settings): boolean {
  return from.address.kind === 'stream';
}

/** Whether other keys can be read all the same. */
function isOfKey(error: unknown): error is RespError {
  return error instanceof ReplyError || (error instanceof RespError && [GONE, CHANGED].includes(error.code));
}

function nameIn(key: Buffer): string {
  return key.toString('latin1');
}
