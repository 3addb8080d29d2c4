// Names of keys that have changed and are to be read again: each once, in the order in which they changed, without an object a
// name, and bounded in number and in bytes.
//
//     add ──▶ gathered   ── take ──▶   taken ── next, next, … ──▶ free
//               a set of names             in the same order
//
//   Names lie one behind the other in chunks; a table of their places, found by hash, tells whether one is there.

import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { KeyId } from '../flow/key-id.ts';

export interface DirtyKeysOptions {
  /** Names that are gathered or taken. */
  readonly mostKeys: number;
  /** Bytes that they take, with all that is needed to find them. */
  readonly mostBytes: number;
}

export interface HeldNames {
  readonly held: number;
  /** What they take, with all that is needed to find them. */
  readonly bytes: number;
}

const NONE: HeldNames = { held: 0, bytes: 0 };

const CHUNK_BYTES = 1024 * 1024;
/** Hash, database and length stand in front of a name. */
const HEADER_BYTES = 12;
const FIRST_PLACES = 1024;
/** Above this share of the places the search for a free one takes long. */
const MOST_FILLED = 0.6;
/** Another one in every run: nobody can choose names that meet in one place. */
const SEED = randomBytes(4).readUInt32LE();
const PRIME = 0x01000193;

/** Where a name lies. */
interface Chunk {
  readonly bytes: Buffer;
  end: number;
}

export class DirtyKeys implements HeldNames {
  readonly #mostKeys: number;
  readonly #mostBytes: number;
  #chunks: Chunk[] = [];
  /** One more than the number of the name, 0 where there is none; and by that number where it lies. */
  #places = new Uint32Array(FIRST_PLACES);
  #chunkOf: Uint32Array = new Uint32Array(FIRST_PLACES);
  #atOf: Uint32Array = new Uint32Array(FIRST_PLACES);
  #length = 0;
  #taken: Chunk[] = [];
  #takenKeys = 0;
  #takenBytes = 0;
  #chunkBytes = 0;
  #chunk = 0;
  #at = 0;
  /** What counts towards the same limits. */
  beside = NONE;

  constructor({ mostKeys, mostBytes }: DirtyKeysOptions) {
    this.#mostKeys = mostKeys;
    this.#mostBytes = mostBytes;
  }

  /** Names that are gathered. */
  get length(): number {
    return this.#length;
  }

  /** Names that are gathered, or were taken and not handed out. */
  get held(): number {
    return this.#length + this.#takenKeys;
  }

  get bytes(): number {
    const tables = this.#places.byteLength + this.#chunkOf.byteLength + this.#atOf.byteLength;
    return this.#chunkBytes + this.#takenBytes + tables;
  }

  /** False where there is no room for one name more. @param key a copy of it is kept */
  add(db: number, key: Buffer): boolean {
    const hash = hashOf(db, key);
    const place = this.#placeOf(hash, db, key);
    if (this.#places[place] !== 0) return true;
    if (this.held + this.beside.held >= this.#mostKeys) return false;
    if (this.bytes + this.beside.bytes + key.length > this.#mostBytes) return false;
    this.#keep(hash, db, key);
    this.#places[place] = this.#length;
    if (this.#length > this.#places.length * MOST_FILLED) this.#grow();
    return true;
  }

  /** Whether less than half of the room is left. @param coming what may be added yet */
  isHalfFull({ held, bytes }: HeldNames): boolean {
    const keys = this.held + this.beside.held + held;
    return keys * 2 > this.#mostKeys || (this.bytes + this.beside.bytes + bytes) * 2 > this.#mostBytes;
  }

  has(db: number, key: Buffer): boolean {
    return this.#places[this.#placeOf(hashOf(db, key), db, key)] !== 0;
  }

  /** All that are gathered are handed out by `next` from now on; those before have to be out. */
  take(): void {
    this.#taken = this.#chunks;
    this.#takenKeys = this.#length;
    this.#takenBytes = this.#chunkBytes;
    this.#chunk = 0;
    this.#at = 0;
    this.#chunks = [];
    this.#chunkBytes = 0;
    this.#length = 0;
    // A table that was large once is not kept for a handful of names.
    if (this.#places.length > FIRST_PLACES * 64) this.#reset(FIRST_PLACES);
    else this.#places.fill(0);
  }

  /** The next one of those that are taken, with a Buffer of its own. */
  next(): KeyId | undefined {
    const chunk = this.#taken[this.#chunk];
    if (chunk === undefined) return undefined;
    const db = chunk.bytes.readUInt32LE(this.#at + 4);
    const length = chunk.bytes.readUInt32LE(this.#at + 8);
    const start = this.#at + HEADER_BYTES;
    const key = Buffer.allocUnsafe(length);
    chunk.bytes.copy(key, 0, start, start + length);
    this.#takenKeys--;
    this.#at = start + length;
    if (this.#at >= chunk.end) this.#dropChunk(chunk);
    return { db, key };
  }

  #dropChunk(chunk: Chunk): void {
    this.#takenBytes -= chunk.bytes.length;
    this.#taken[this.#chunk] = EMPTY;
    this.#chunk++;
    this.#at = 0;
  }

  #keep(hash: number, db: number, key: Buffer): void {
    const bytes = HEADER_BYTES + key.length;
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || chunk.end + bytes > chunk.bytes.length) {
      chunk = { bytes: Buffer.allocUnsafeSlow(Math.max(this.#nextChunkBytes(), bytes)), end: 0 };
      this.#chunks.push(chunk);
      this.#chunkBytes += chunk.bytes.length;
    }
    const at = chunk.end;
    chunk.bytes.writeUInt32LE(hash, at);
    chunk.bytes.writeUInt32LE(db, at + 4);
    chunk.bytes.writeUInt32LE(key.length, at + 8);
    key.copy(chunk.bytes, at + HEADER_BYTES);
    chunk.end = at + bytes;
    this.#chunkOf[this.#length] = this.#chunks.length - 1;
    this.#atOf[this.#length] = at;
    this.#length++;
  }

  /** A round of a few names takes no megabyte. */
  #nextChunkBytes(): number {
    return Math.min(CHUNK_BYTES, Math.max(CHUNK_BYTES / 64, this.#chunkBytes));
  }

  /** Where the name is found, or would be. */
  #placeOf(hash: number, db: number, key: Buffer): number {
    const mask = this.#places.length - 1;
    let place = hash & mask;
    for (let number = this.#places[place]!; number !== 0; number = this.#places[place]!) {
      if (this.#isAt(number - 1, hash, db, key)) return place;
      place = (place + 1) & mask;
    }
    return place;
  }

  #isAt(index: number, hash: number, db: number, key: Buffer): boolean {
    const { bytes } = this.#chunks[this.#chunkOf[index]!]!;
    const at = this.#atOf[index]!;
    if (bytes.readUInt32LE(at) !== hash || bytes.readUInt32LE(at + 8) !== key.length) return false;
    const start = at + HEADER_BYTES;
    return bytes.readUInt32LE(at + 4) === db && key.compare(bytes, start, start + key.length) === 0;
  }

  #grow(): void {
    const [chunkOf, atOf, length] = [this.#chunkOf, this.#atOf, this.#length];
    this.#reset(this.#places.length * 2);
    this.#chunkOf.set(chunkOf.subarray(0, length));
    this.#atOf.set(atOf.subarray(0, length));
    const mask = this.#places.length - 1;
    for (let index = 0; index < length; index++) {
      let place = this.#chunks[chunkOf[index]!]!.bytes.readUInt32LE(atOf[index]) & mask;
      while (this.#places[place] !== 0) place = (place + 1) & mask;
      this.#places[place] = index + 1;
    }
  }

  #reset(places: number): void {
    this.#places = new Uint32Array(places);
    this.#chunkOf = new Uint32Array(places);
    this.#atOf = new Uint32Array(places);
  }
}

const EMPTY: Chunk = { bytes: Buffer.alloc(0), end: 0 };

function hashOf(db: number, key: Buffer): number {
  let hash = SEED ^ db;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key[i]!, PRIME);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
