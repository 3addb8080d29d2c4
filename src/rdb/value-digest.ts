// A digest of a value, made from its pieces: values with equal digests are the same, although neither was held whole.
// Payloads that are too large to be decoded are compared by it.

import { createHash } from 'node:crypto';
import { fitsDecoded, hasSameBody, headDifference, isSameExpiry, payloadDifference } from './compare.ts';
import { Crc64 } from './crc64.ts';
import { NEVER, type Milliseconds } from './milliseconds.ts';
import { PayloadError } from './payload.ts';
import { DEFAULT_LIMITS, payloadPieces } from './pieces.ts';
import {
  formatId,
  type HashField,
  type StreamEntry,
  type StreamHead,
  type ValuePiece,
  type ZsetEntry,
} from './value.ts';

const NO_BYTES = Buffer.alloc(0);
/** A length, a score or a time. */
const NUMBER_BYTES = 8;

interface Hash {
  update(bytes: Buffer): unknown;
}

export class ValueDigest {
  #type: ValuePiece['type'] | undefined;
  /** If the order is part of the value. */
  readonly #ordered = createHash('sha256');
  /** If the order does not matter: two sums of 32 bits of the checksums of all elements. */
  #low = 0;
  #high = 0;
  #length = 0;
  #head: StreamHead | undefined;
  readonly #times: FieldTimes | undefined;

  static async of(pieces: AsyncIterable<ValuePiece>): Promise<ValueDigest> {
    const digest = new ValueDigest();
    for await (const piece of pieces) digest.add(piece);
    return digest;
  }

  /** @param times collects the expiries of fields if they may differ a little; without it they are part of the digest */
  constructor(times?: FieldTimes) {
    this.#times = times;
  }

  /** Elements so far; bytes of a string. */
  get length(): number {
    return this.#length;
  }

  /** Whether no piece came: there is no value. */
  get isEmpty(): boolean {
    return this.#type === undefined;
  }

  /** As of `FieldTimes`. */
  get partsNeeded(): number {
    return this.#times?.partsNeeded ?? 1;
  }

  add(piece: ValuePiece): void {
    this.#type = piece.type;
    switch (piece.type) {
      case 'string':
        this.#ordered.update(piece.value);
        this.#length += piece.value.length;
        return;
      case 'list':
        for (const item of piece.items) update(this.#ordered, item);
        this.#length += piece.items.length;
        return;
      case 'set':
        for (const member of piece.members) this.#count([member]);
        return;
      case 'zset':
        for (const entry of piece.entries) this.#count(partsOf(entry));
        return;
      case 'hash':
        for (const field of piece.fields) {
          this.#times?.add(field);
          this.#count(fieldParts(field, this.#times === undefined));
        }
        return;
      default:
        this.#head = piece.head;
        for (const entry of piece.entries) addEntry(this.#ordered, entry);
        this.#length += piece.entries.length;
    }
  }

  /**
   * What differs, in a few words; `undefined` if nothing does. Neither can be used afterwards.
   * @param tolerance as in `differenceOf`, if both have `times`
   */
  differenceFrom(other: ValueDigest, tolerance = 0): string | undefined {
    if (this.#type !== other.#type) return 'type';
    if (this.#length !== other.#length) return this.#type === 'set' || this.#type === 'hash' ? 'size' : 'length';
    const isSame =
      this.#low === other.#low && this.#high === other.#high && this.#ordered.digest().equals(other.#ordered.digest());
    if (!isSame) return this.#type === 'string' ? 'value' : 'elements';
    if (this.#times?.isCloseTo(other.#times!, tolerance) === false) return 'field expiries';
    return this.#head && other.#head && headDifference(this.#head, other.#head);
  }

  /** Checksums are linear: without mixing, a sum would not see two elements that have exchanged their parts. */
  #count(parts: readonly Buffer[]): void {
    this.#length += 1;
    const checksum = new Crc64();
    for (const part of parts) update(checksum, part);
    this.#low = (this.#low + mixed(checksum.low)) | 0;
    this.#high = (this.#high + mixed(checksum.high ^ Math.imul(checksum.low, GOLDEN))) | 0;
  }
}

/** Entries of a map of expiries, some 10 MB. */
const MOST_TIMES = 2 ** 17;

/**
 * The expiries of the fields of a hash, if close ones count as equal, which no sum can express. It holds one of several parts
 * of the fields, so that its memory is bounded; the other parts need further passes.
 */
export class FieldTimes {
  readonly #part: number;
  readonly #parts: number;
  readonly #most: number;
  readonly #byField = new Map<number, Milliseconds>();
  #length = 0;

  /** @param part 0 for the first */
  constructor(part: number, parts: number, most: number = MOST_TIMES) {
    this.#part = part;
    this.#parts = parts;
    this.#most = most;
  }

  /** How many parts are needed, known once all fields were added. */
  get partsNeeded(): number {
    return this.#length <= this.#most ? this.#parts : this.#parts * Math.ceil((2 * this.#length) / this.#most);
  }

  add({ field, expireAt }: HashField): void {
    const { low, high } = new Crc64().update(field);
    if (expireAt === NEVER || (mixed(low) >>> 0) % this.#parts !== this.#part) return;
    this.#length += 1;
    // 53 bits of the checksum: what a number holds.
    if (this.#length <= this.#most) this.#byField.set((high >>> 11) * 2 ** 32 + (low >>> 0), expireAt);
  }

  /** @param other of the same part */
  isCloseTo(other: FieldTimes, tolerance: number): boolean {
    for (const [field, expireAt] of this.#byField) {
      if (!isSameExpiry(expireAt, other.#byField.get(field) ?? expireAt, tolerance)) return false;
    }
    return true;
  }
}

/** 2^32 divided by the golden ratio. */
const GOLDEN = 0x9e3779b9;

/** Every bit of the result depends on every bit of `word`; both have 32. */
function mixed(word: number): number {
  let bits = word | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

/** With the length in front, so that different lists of strings have different digests. */
function update(hash: Hash, bytes: Buffer): void {
  hash.update(numberBytes(bytes.length));
  hash.update(bytes);
}

function addEntry(hash: Hash, { id, fields }: StreamEntry): void {
  update(hash, Buffer.from(formatId(id)));
  hash.update(numberBytes(fields.length));
  for (const field of fields) update(hash, field);
}

/** -0 is 0, as in `differenceOf`. */
function partsOf({ member, score }: ZsetEntry): Buffer[] {
  return [member, numberBytes(score === 0 ? 0 : score)];
}

function fieldParts({ field, value, expireAt }: HashField, isExact: boolean): Buffer[] {
  if (!isExact) return expireAt === NEVER ? [field, value] : [field, value, NO_BYTES];
  return [field, value, typeof expireAt === 'number' ? numberBytes(expireAt) : Buffer.from(String(expireAt))];
}

function numberBytes(number: number): Buffer {
  const bytes = Buffer.allocUnsafe(NUMBER_BYTES);
  bytes.writeDoubleLE(number);
  return bytes;
}

/** @param mostBytes that both together may take in memory as a whole; by their pieces they are compared otherwise */
export function isSameValue(left: Buffer, right: Buffer, mostBytes: number): boolean {
  if (hasSameBody(left, right)) return true;
  return whereReadable(() =>
    fitsDecoded(left, right, mostBytes)
      ? payloadDifference(left, right) === undefined
      : digestOf(left, mostBytes).differenceFrom(digestOf(right, mostBytes)) === undefined,
  );
}

/** Whether the payload holds what the digest was made of. */
export function hasDigest(payload: Buffer, digest: ValueDigest, mostBytes: number): boolean {
  return whereReadable(() => digestOf(payload, mostBytes).differenceFrom(digest) === undefined);
}

/** What cannot be read is not the same. */
function whereReadable(isSame: () => boolean): boolean {
  try {
    return isSame();
  } catch (error) {
    if (error instanceof PayloadError) return false;
    throw error;
  }
}

function digestOf(payload: Buffer, unpacked: number): ValueDigest {
  const digest = new ValueDigest();
  for (const piece of payloadPieces(payload, { ...DEFAULT_LIMITS, unpacked })) digest.add(piece);
  return digest;
}
