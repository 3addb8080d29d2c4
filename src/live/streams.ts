// Streams that were read. What consumer groups do to them is told by no feed in full: XREADGROUP, for one, changes what its own
// pending entries say, and no replica hears of it. So they are read again and again.

import { RespError } from '../../resp/errors.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { EntryRun } from '../flow/entry-run.ts';
import { EntryView } from '../flow/entry-view.ts';
import { idOf, type KeyId } from '../flow/key-id.ts';
import { MAY_BE_STREAM } from '../rdb/payload.ts';
import type { KeyScope } from '../scan/key-scope.ts';
import { eachEntry } from '../target/target.ts';
import { walkNames, type NameWalkOptions } from './name-walk.ts';

const STREAM = 'stream';

export class Streams {
  readonly #most: number;
  readonly #keys = new Map<string, KeyId>();
  readonly #view = new EntryView();
  #isComplete = true;

  /** @param most names that are kept */
  constructor(most: number) {
    this.#most = most;
  }

  /** Whether there was room for all of them. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  get keys(): Iterable<KeyId> {
    return this.#keys.values();
  }

  /** An entry was read, whose value may be a stream. */
  observe(entry: EntryView): void {
    // What is read in pieces tells its type when it is read.
    const isOne =
      entry.kind === 'large' ||
      (entry.kind === 'value' && MAY_BE_STREAM[entry.payloadIn.buffer[entry.payloadAt]!] === 1);
    if (!isOne) return;
    this.add({ db: entry.db, key: Buffer.from(entry.key) });
  }

  /** @param key its Buffer is kept */
  add(key: KeyId): void {
    if (this.#keys.size < this.#most) this.#keys.set(idOf(key), key);
    else if (!this.#keys.has(idOf(key))) this.#isComplete = false;
  }

  /** There are some that were not read. */
  lose(): void {
    this.#isComplete = false;
  }

  observeAll(entries: EntryRun): void {
    for (let i = 0; i < entries.length; i++) {
      if (MAY_BE_STREAM[entries.typeByteOf(i)] === 0) continue;
      entries.show(i, this.#view);
      this.observe(this.#view);
    }
  }

  /** It was deleted. */
  forget(entry: EntryView): void {
    if (this.#keys.size > 0) this.#keys.delete(idOf({ db: entry.db, key: entry.key }));
  }
}

/**
 * Those that somebody else has read: they are walked by name alone.
 * @param scope keys of other types are left out
 */
export async function findStreams(
  streams: Streams,
  source: Deployment,
  options: NameWalkOptions,
  { databases, scope }: { readonly databases: readonly number[]; readonly scope: KeyScope },
): Promise<void> {
  if (scope.type !== undefined && scope.type !== STREAM) return;
  const walk = {
    databases,
    scope: scope.ofType(STREAM),
    onRefused: (db: number, key: Buffer) => streams.add({ db, key: Buffer.from(key) }),
    onShrunk: () => streams.lose(),
  };
  try {
    await walkNames(
      source,
      options,
      walk,
      eachEntry(({ db, key }) => streams.add({ db, key: Buffer.from(key) })),
    );
  } catch (error) {
    if (!(error instanceof RespError)) throw error;
    streams.lose();
  }
}
