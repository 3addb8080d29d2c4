// Reads keys by name, to show what is in them: from a server or a cluster they are asked for, a file is read to its end.

import type { Buffer } from 'node:buffer';
import { nameOf } from '../../resp/errors.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { slotOf } from '../cluster/slot.ts';
import type { Entry } from '../flow/entry.ts';
import { idOf, type KeyId } from '../flow/key-id.ts';
import { ownCopy } from '../flow/own-copy.ts';
import { NEVER, plus, type Milliseconds } from '../rdb/milliseconds.ts';
import { NamedKeys } from '../source/named-keys.ts';
import type { Source } from '../source/source.ts';
import { channelOf, fileSourceOf, Flow } from '../sync/flow.ts';
import { startEvent, withSides, type Run } from '../sync/preflight.ts';
import { settingsOf, withForms, type Settings } from '../sync/settings.ts';
import { eachEntry } from '../target/target.ts';
import { InspectProgress } from './inspect-progress.ts';
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
}

export interface InspectKeysOptions extends InspectOptions {
  readonly keys: readonly Buffer[];
  /** Called with each key that is there; the next one waits for it. */
  readonly onKey: (key: InspectedKey) => Promise<void>;
}

export interface InspectedKeys {
  /** Those that are nowhere in the databases in question. */
  readonly missing: readonly Buffer[];
  /** Those that could not be read. */
  readonly failed: number;
}

/** @throws RespError where the endpoint cannot be read */
export async function inspectKeys(options: InspectKeysOptions): Promise<InspectedKeys> {
  const settings = await withForms(settingsOf({ ...options, to: '-' }, 'inspect'));
  const sink = new InspectProgress(settings.onEvent);
  return withSides(settings, { purpose: 'read', onReconnect: (event) => sink.onReconnect(event) }, (run) =>
    inspectIn(run, options, sink),
  );
}

async function inspectIn(run: Run, { keys, onKey }: InspectKeysOptions, sink: InspectProgress): Promise<InspectedKeys> {
  const { source: side } = run.sides;
  run.settings.onEvent(startEvent(run));
  const found = new FoundKeys(run, keys, onKey);
  const source = side === undefined ? fileSourceOf(run, sink) : namedKeys(side, run, keys, sink);
  const target = eachEntry((entry) => found.take(entry));
  try {
    await new Flow(source, channelOf(run), target, run.end).run(run.settings.signal);
  } finally {
    // Also of a file that is damaged further on: whoever looks inside wants to see that it is.
    await found.showKept();
  }
  return { missing: found.missing, failed: sink.failed };
}

function namedKeys(side: Deployment, { plan, settings }: Run, keys: readonly Buffer[], sink: InspectProgress): Source {
  const { retry, bigKey, bySize, controls } = settings;
  const { mode, fields } = plan;
  const dump = { mode, fields, usage: undefined, bigKey, bySize, maxLatency: controls.maxLatency };
  const places = plan.databases.flatMap(([db]) => keys.map((key): KeyId[] => [{ db, key: ownCopy(key) }]));
  return new NamedKeys(side, places, { retry, onReconnect: sink.onReconnect.bind(sink), dump }, sink);
}

/** What is found of the keys that are wanted. A file may have a key twice, and the later one holds. */
class FoundKeys {
  readonly #run: Run;
  readonly #wanted: ReadonlyMap<string, Buffer>;
  readonly #found = new Set<string>();
  readonly #kept = new Map<string, InspectedKey>();
  readonly #onKey: InspectKeysOptions['onKey'];

  constructor(run: Run, keys: readonly Buffer[], onKey: InspectKeysOptions['onKey']) {
    this.#run = run;
    this.#wanted = new Map(keys.map((key) => [key.toString('latin1'), key]));
    this.#onKey = onKey;
  }

  get missing(): readonly Buffer[] {
    return [...this.#wanted].filter(([name]) => !this.#found.has(name)).map(([, key]) => key);
  }

  async take(entry: Entry): Promise<void> {
    const name = entry.key.toString('latin1');
    if (!this.#wanted.has(name) || (entry.payload === null && entry.large === null)) return;
    this.#found.add(name);
    const key = this.#inspected(entry);
    if (isStream(this.#run.settings))
      this.#kept.set(idOf(entry), { ...key, payload: key.payload && ownCopy(key.payload) });
    else await this.#onKey(key);
  }

  /** Once no later one can come. */
  async showKept(): Promise<void> {
    for (const key of this.#kept.values()) await this.#onKey(key);
  }

  #inspected({ db, key, expireAt, payload, large }: Entry): InspectedKey {
    const { mode, clock } = this.#run.plan;
    // What is told by a clock of this machine has no date of its own.
    const offset = mode === 'exact' ? 0 : Date.now() - clock();
    const now = clock() + offset;
    const expiry = expireAt === NEVER ? NEVER : plus(expireAt, offset);
    return { db, key: ownCopy(key), place: this.#placeOf(key), expireAt: expiry, now, payload, large };
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
