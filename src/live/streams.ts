// Streams that were read. What consumer groups do to them is told by no feed in full: XREADGROUP, for one, changes what its own
// pending entries say, and no replica hears of it. So they are read again and again.

import { RespError } from '../../resp/errors.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { forNames } from '../cluster/node-hearing.ts';
import type { LargeValue } from '../flow/entry.ts';
import type { EntryRun } from '../flow/entry-run.ts';
import { EntryView } from '../flow/entry-view.ts';
import { idOf, type KeyId } from '../flow/key-id.ts';
import { MAY_BE_STREAM } from '../rdb/payload.ts';
import type { KeyScope } from '../scan/key-scope.ts';
import { eachEntry } from '../target/target.ts';
import { walkNames, type NameWalkOptions } from './name-walk.ts';

const STREAM = 'stream';

/** Of all names that are kept, and names, that are read at once. */
const SHARE = 1 / 4;
const MOST_AT_ONCE = 4096;
/** Bytes that all names may take. */
const MOST_BYTES = 128 * 1024 * 1024;
/** Of one, beside the name itself, which is kept twice. */
const BYTES_OF_ONE = 256;

/** What may be a stream. */
interface Found {
  readonly key: KeyId;
  /** What reads it, where that is done in pieces. */
  value: LargeValue | undefined;
}

export class Streams {
  readonly #most: number;
  readonly #keys = new Map<string, Found>();
  readonly #view = new EntryView();
  #bytes = 0;
  #isComplete = true;

  /** @param most names that are kept */
  constructor(most: number) {
    this.#most = most;
  }

  /** Whether there was room for all of them, by number and by bytes. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** All of them, so many at once that what changes meanwhile finds room beside them, of as many names. */
  get portions(): readonly (readonly KeyId[])[] {
    for (const { key, value } of this.#keys.values()) if (!mayBeStream(value)) this.#remove(key);
    const keys = Array.from(this.#keys.values(), ({ key }) => key);
    const size = Math.ceil(Math.min(this.#most * SHARE, MOST_AT_ONCE));
    return Array.from({ length: Math.ceil(keys.length / size) }, (_, i) => keys.slice(i * size, (i + 1) * size));
  }

  /** An entry was read, whose value may be a stream. */
  observe(entry: EntryView): void {
    // What is read in pieces tells its type when it is read.
    const isOne =
      entry.kind === 'large' ||
      (entry.kind === 'value' && MAY_BE_STREAM[entry.payloadIn.buffer[entry.payloadAt]!] === 1);
    if (!isOne) return;
    this.add({ db: entry.db, key: Buffer.from(entry.key) }, entry.large ?? undefined);
  }

  /**
   * @param key its Buffer is kept
   * @param value where it is read in pieces
   */
  add(key: KeyId, value?: LargeValue): void {
    const id = idOf(key);
    const known = this.#keys.get(id);
    if (known !== undefined) {
      known.value = value;
      return;
    }
    const bytes = costOf(key.key);
    const hasRoom = this.#keys.size < this.#most && this.#bytes + bytes <= MOST_BYTES;
    this.#isComplete &&= hasRoom;
    if (!hasRoom) return;
    this.#keys.set(id, { key, value });
    this.#bytes += bytes;
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
    if (this.#keys.size === 0) return;
    const { db, key } = entry;
    this.#remove({ db, key });
  }

  #remove(key: KeyId): void {
    if (this.#keys.delete(idOf(key))) this.#bytes -= costOf(key.key);
  }
}

/** A value that is read in pieces tells its type once that has begun. */
function mayBeStream(value: LargeValue | undefined): boolean {
  return value?.type === undefined || value.type === STREAM;
}

function costOf({ length }: Buffer): number {
  return BYTES_OF_ONE + 2 * length;
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
    hearing: forNames(options.hearing),
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
