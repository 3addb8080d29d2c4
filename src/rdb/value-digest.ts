// What a value comes to, from its pieces: two values whose digests agree are the same, though neither was ever held.
import { createHash, type Hash } from 'node:crypto';
import type { HashField, StreamEntry, StreamHead, ValuePiece, ZsetEntry } from '../value.ts';
import { headDifference } from './compare-stream.ts';
import { formatId } from './stream-id.ts';

const ALGORITHM = 'sha256';
/** A length, a score or a time. */
const NUMBER_BYTES = 8;
/** Lanes of 32 bits, each a sum of its own. */
const LANES = 4;

export class ValueDigest {
  #type: ValuePiece['type'] | undefined;
  /** Where the order is part of the value. */
  readonly #ordered: Hash = createHash(ALGORITHM);
  /** Where it is not: the sum of what each element comes to. */
  readonly #sum = new Uint32Array(LANES);
  #length = 0;
  #head: StreamHead | undefined;

  /** Elements that came so far; of a string its bytes. */
  get length(): number {
    return this.#length;
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
        for (const member of piece.members) this.#count(member);
        return;
      case 'zset':
        for (const entry of piece.entries) this.#count(...partsOf(entry));
        return;
      case 'hash':
        for (const field of piece.fields) this.#count(...fieldParts(field));
        return;
      default:
        this.#head = piece.head;
        for (const entry of piece.entries) addEntry(this.#ordered, entry);
        this.#length += piece.entries.length;
    }
  }

  /** In a word or a few, what differs, as `differenceOf` has it; `undefined`: nothing does. Both are over then. */
  differenceFrom(other: ValueDigest): string | undefined {
    if (this.#type !== other.#type) return 'type';
    if (this.#length !== other.#length) return this.#type === 'set' || this.#type === 'hash' ? 'size' : 'length';
    const isSame =
      this.#sum.every((lane, index) => lane === other.#sum[index]) &&
      this.#ordered.digest().equals(other.#ordered.digest());
    if (!isSame) return this.#type === 'string' ? 'value' : 'elements';
    return this.#head && other.#head && headDifference(this.#head, other.#head);
  }

  #count(...parts: readonly Buffer[]): void {
    this.#length += 1;
    const hash = createHash(ALGORITHM);
    for (const part of parts) update(hash, part);
    const digest = hash.digest();
    for (let lane = 0; lane < LANES; lane += 1) this.#sum[lane]! += digest.readUInt32LE(lane * 4);
  }
}

/** With its length before it, so that no two lists of strings come to the same. */
function update(hash: Hash, bytes: Buffer): void {
  hash.update(numberBytes(bytes.length)).update(bytes);
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

function fieldParts({ field, value, expireAt }: HashField): Buffer[] {
  return [field, value, numberBytes(expireAt)];
}

function numberBytes(number: number): Buffer {
  const bytes = Buffer.allocUnsafe(NUMBER_BYTES);
  bytes.writeDoubleLE(number);
  return bytes;
}
