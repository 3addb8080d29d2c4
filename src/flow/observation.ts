// What stands out of all that is read: how much there is of each type, the largest values, those that took the source longest, and
// how long it took to answer. It hears of entries a run at a time, and keeps of keys no more than its lists hold.

import { Buffer } from 'node:buffer';
import { typeNameOf } from '../rdb/modules.ts';
import { typeOfByte } from '../rdb/payload.ts';
import type { EntryRun } from './entry-run.ts';
import { EntryView } from './entry-view.ts';
import type { KeyId } from './key-id.ts';

export interface Observed {
  /** The type that takes the most first. */
  readonly types: readonly TypeSize[];
  readonly largest: readonly KeySize[];
  /** Values that the source was expected to take long for: others are not timed one by one. */
  readonly slowest: readonly KeyTime[];
  /** Milliseconds from a command to its reply, with what was asked before it: of the latest one that was measured, and the longest since the event before. `null` where none was. */
  readonly latency: { readonly latest: number; readonly longest: number } | null;
}

export interface TypeSize {
  /** As TYPE says it; `unknown` where the payload does not tell. */
  readonly type: string;
  readonly keys: number;
  /** Of names and payloads, or of what their pieces hold. */
  readonly bytes: number;
}

export interface KeySize {
  readonly db: number;
  /** Of a long name its beginning: see `nameBytes`. */
  readonly key: Buffer;
  readonly nameBytes: number;
  readonly type: string;
  /** As of `TypeSize`. */
  readonly bytes: number;
}

export interface KeyTime extends KeySize {
  /** Milliseconds. */
  readonly ms: number;
}

/** Keys of each list. */
const MOST_KEYS = 20;
/** Bytes of a name that are kept. */
const MOST_NAME_BYTES = 512;
/** Types that have a count of their own: a server may name as many modules as it likes. */
const MOST_TYPES = 64;
const OTHERS = 'others';
const UNKNOWN = 'unknown';
const TYPE_BYTES = 256;
/** By type byte: what the type is, where the byte alone says so. */
const TYPE_NAMES = Array.from({ length: TYPE_BYTES }, (_, typeByte) => typeOfByte(typeByte));
/** Modules have names of their own. */
const HAS_NO_NAME = Uint8Array.from(TYPE_NAMES, (type) => (type === undefined || type === 'module' ? 1 : 0));

export class Observation {
  /** By type byte. */
  readonly #keys = new Float64Array(TYPE_BYTES);
  readonly #bytes = new Float64Array(TYPE_BYTES);
  /** Those that a type byte does not name. */
  readonly #named = new Map<string, { keys: number; bytes: number }>();
  readonly #largest = new TopKeys<KeySize>(({ bytes }) => bytes);
  readonly #slowest = new TopKeys<KeyTime>(({ ms }) => ms);
  readonly #entry = new EntryView();
  #latest: number | undefined;
  #longest = 0;

  onRun(run: EntryRun): void {
    const { length } = run;
    const entry = this.#entry;
    let most = 0;
    for (let i = 0; i < length; i++) {
      const typeByte = run.typeByteOf(i);
      const size = run.sizeOf(i);
      if (size > most) most = size;
      if (HAS_NO_NAME[typeByte] === 1) {
        run.show(i, entry);
        this.#countNamed(nameOfType(entry), size);
      } else {
        this.#keys[typeByte]!++;
        this.#bytes[typeByte]! += size;
      }
    }
    if (most > this.#largest.least) this.#offerOf(run);
    entry.clear();
  }

  onEntry(entry: EntryView): void {
    if (entry.kind === 'large') return this.#onLarge(entry);
    if (entry.kind !== 'value') return;
    this.#countNamed(nameOfType(entry), entry.size);
    if (entry.size > this.#largest.least) this.#largest.offer(sizeOfEntry(entry));
  }

  /** A value was read in pieces. @param bytes of what they hold @param ms that the source took for all of them */
  onPieces({ db, key }: KeyId, type: string, bytes: number, ms: number): void {
    const named = { db, ...keptName(key), type, bytes: bytes + key.length };
    this.#countNamed(type, named.bytes);
    if (named.bytes > this.#largest.least) this.#largest.offer(named);
    if (ms > this.#slowest.least) this.#slowest.offer({ ...named, ms });
  }

  /** A value went alone, and took so long. @param bytes of memory, as the source has it */
  onAlone({ db, key }: KeyId, type: string, bytes: number, ms: number): void {
    if (ms > this.#slowest.least) this.#slowest.offer({ db, ...keptName(key), type: type || UNKNOWN, bytes, ms });
  }

  /** The source took so many milliseconds to answer. */
  onLatency(ms: number): void {
    this.#latest = ms;
    this.#longest = Math.max(this.#longest, ms);
  }

  /** Begins a new interval of the longest latency. */
  take(): Observed {
    const latency = this.#latest === undefined ? null : { latest: this.#latest, longest: this.#longest };
    this.#latest = undefined;
    this.#longest = 0;
    return { types: this.#types, largest: this.#largest.keys, slowest: this.#slowest.keys, latency };
  }

  get #types(): TypeSize[] {
    const sums = new Map(Array.from(this.#named, ([type, sum]) => [type, { type, ...sum }]));
    for (const [typeByte, keys] of this.#keys.entries()) {
      if (keys === 0) continue;
      const type = TYPE_NAMES[typeByte]!;
      const { keys: before, bytes } = sums.get(type) ?? { keys: 0, bytes: 0 };
      sums.set(type, { type, keys: before + keys, bytes: bytes + this.#bytes[typeByte]! });
    }
    return [...sums.values()].toSorted((a, b) => b.bytes - a.bytes);
  }

  /** A large value of a file is of a type and a size that are known; one of a server is told by whoever reads it. */
  #onLarge({ db, key, large }: EntryView): void {
    if (large?.type === undefined || large.bytes === undefined) return;
    const named = { db, ...keptName(key), type: large.type, bytes: large.bytes + key.length };
    this.#countNamed(large.type, named.bytes);
    if (named.bytes > this.#largest.least) this.#largest.offer(named);
  }

  #offerOf(run: EntryRun): void {
    const entry = this.#entry;
    for (let i = 0; i < run.length; i++) {
      if (run.sizeOf(i) <= this.#largest.least) continue;
      run.show(i, entry);
      this.#largest.offer(sizeOfEntry(entry));
    }
  }

  #countNamed(type: string, bytes: number): void {
    const name = this.#named.has(type) || this.#named.size < MOST_TYPES ? type : OTHERS;
    let sum = this.#named.get(name);
    if (sum === undefined) this.#named.set(name, (sum = { keys: 0, bytes: 0 }));
    sum.keys++;
    sum.bytes += bytes;
  }
}

/** The keys with the most of something, each of them once. */
class TopKeys<T extends KeySize> {
  readonly #weigh: (key: T) => number;
  #keys: T[] = [];
  /** What has to be passed to be one of them. */
  least = 0;

  constructor(weigh: (key: T) => number) {
    this.#weigh = weigh;
  }

  /** The first has the most. It is another list whenever it changes. */
  get keys(): readonly T[] {
    return this.#keys;
  }

  offer(key: T): void {
    const weight = this.#weigh(key);
    const known = this.#keys.find(
      (other) => other.db === key.db && other.nameBytes === key.nameBytes && other.key.equals(key.key),
    );
    if (known !== undefined && this.#weigh(known) >= weight) return;
    const others = this.#keys.filter((other) => other !== known);
    const at = others.findIndex((other) => this.#weigh(other) < weight);
    this.#keys = others.toSpliced(at === -1 ? others.length : at, 0, key).slice(0, MOST_KEYS);
    if (this.#keys.length === MOST_KEYS) this.least = this.#weigh(this.#keys.at(-1)!);
  }
}

function sizeOfEntry(entry: EntryView): KeySize {
  return { db: entry.db, ...nameIn(entry), type: nameOfType(entry), bytes: entry.size };
}

function nameIn({ keyIn, keyAt, keyEnd }: EntryView): Pick<KeySize, 'key' | 'nameBytes'> {
  const end = Math.min(keyEnd, keyAt + MOST_NAME_BYTES);
  return { key: Buffer.from(keyIn.buffer.subarray(keyAt, end)), nameBytes: keyEnd - keyAt };
}

function keptName(key: Buffer): Pick<KeySize, 'key' | 'nameBytes'> {
  // A view would keep the whole name.
  return { key: Buffer.from(key.subarray(0, MOST_NAME_BYTES)), nameBytes: key.length };
}

function nameOfType({ payloadIn, payloadAt, payloadEnd }: EntryView): string {
  return typeNameOf(payloadIn.buffer.subarray(payloadAt, payloadEnd)) ?? UNKNOWN;
}
