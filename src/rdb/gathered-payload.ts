// A payload made of the pieces of a value as they come, in the plain encoding that every server reads.
import { FOOTER_BYTES, seal } from './footer.ts';
import { payloadPieces } from './value-pieces.ts';
import { NEVER } from '../milliseconds.ts';
import type { ValuePiece } from '../value.ts';

/** The type byte, and how many elements there are, or bytes of a string, in a form that has room for any number. */
const HEAD_BYTES = 1 + 5;
const LENGTH_OF_32_BITS = 0x80;
const MOST_LENGTH_BYTES = 5;
const SCORE_BYTES = 8;
const FIRST_BYTES = 64 * 1024;
const GROWTH = 4;
/** Below this many bytes a loop beats the call of a builtin. */
const COPY_BY_LOOP = 32;
/** Type bytes, in whichever of their forms is plain. */
const TYPE_BYTES = { string: 0, list: 1, set: 2, hash: 4, zset: 5 } as const;

export class GatheredPayload {
  readonly #most: number;
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #at = HEAD_BYTES;
  #count = 0;
  #type: keyof typeof TYPE_BYTES | undefined;

  /** @param most bytes that it may have */
  constructor(most: number) {
    this.#most = most;
  }

  /** False, and nothing of the piece is added, where that would be too long, or no plain payload can hold it. */
  add(piece: ValuePiece): boolean {
    if (piece.type === 'stream' || !this.#reserve(bytesOf(piece))) return false;
    this.#type = piece.type;
    switch (piece.type) {
      case 'string':
        this.#raw(piece.value);
        this.#count += piece.value.length;
        return true;
      case 'list':
        for (const item of piece.items) this.#string(item);
        this.#count += piece.items.length;
        return true;
      case 'set':
        for (const member of piece.members) this.#string(member);
        this.#count += piece.members.length;
        return true;
      case 'zset':
        for (const { member, score } of piece.entries) {
          this.#string(member);
          this.#at = this.#bytes.writeDoubleLE(score, this.#at);
        }
        this.#count += piece.entries.length;
        return true;
      default:
        for (const { field, value } of piece.fields) {
          this.#string(field);
          this.#string(value);
        }
        this.#count += piece.fields.length;
        return true;
    }
  }

  /** Whether anything was added. */
  get isEmpty(): boolean {
    return this.#type === undefined;
  }

  /** Elements that were added; of a string its bytes. */
  get length(): number {
    return this.#count;
  }

  /** What was added, as the payload of a server of that RDB version; a view, and nothing may be added any more. */
  finish(version: number): Buffer {
    const payload = this.#bytes.subarray(0, this.#at + FOOTER_BYTES);
    payload[0] = TYPE_BYTES[this.#type!];
    payload[1] = LENGTH_OF_32_BITS;
    payload.writeUInt32BE(this.#count, 2);
    seal(payload, version);
    return payload;
  }

  /** The same as pieces again, where it has to go another way. */
  pieces(version: number): Iterable<ValuePiece> {
    return this.isEmpty ? [] : payloadPieces(this.finish(version));
  }

  #reserve(bytes: number): boolean {
    const needed = this.#at + bytes + FOOTER_BYTES;
    if (bytes > this.#most || needed > this.#most) return false;
    if (needed <= this.#bytes.length) return true;
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#most, Math.max(needed, this.#bytes.length * GROWTH)));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
    return true;
  }

  #string(bytes: Buffer): void {
    const { length } = bytes;
    const target = this.#bytes;
    if (length < 0x40) target[this.#at++] = length;
    else if (length < 0x4000) this.#at = target.writeUInt16BE(0x4000 | length, this.#at);
    else {
      target[this.#at] = LENGTH_OF_32_BITS;
      this.#at = target.writeUInt32BE(length, this.#at + 1);
    }
    this.#raw(bytes);
  }

  #raw(bytes: Buffer): void {
    const { length } = bytes;
    const target = this.#bytes;
    const at = this.#at;
    if (length < COPY_BY_LOOP) for (let i = 0; i < length; i++) target[at + i] = bytes[i]!;
    else target.set(bytes, at);
    this.#at = at + length;
  }
}

/** What a piece takes at most; infinite where it holds what no plain payload can. */
function bytesOf(piece: Exclude<ValuePiece, { type: 'stream' }>): number {
  let bytes = 0;
  switch (piece.type) {
    case 'string':
      return piece.value.length;
    case 'list':
      for (const { length } of piece.items) bytes += length + MOST_LENGTH_BYTES;
      return bytes;
    case 'set':
      for (const { length } of piece.members) bytes += length + MOST_LENGTH_BYTES;
      return bytes;
    case 'zset':
      for (const { member } of piece.entries) bytes += member.length + MOST_LENGTH_BYTES + SCORE_BYTES;
      return bytes;
    default:
      for (const { field, value, expireAt } of piece.fields) {
        if (expireAt !== NEVER) return Infinity;
        bytes += field.length + value.length + 2 * MOST_LENGTH_BYTES;
      }
      return bytes;
  }
}

/** A payload has half of what the value takes in memory, or less: where even that is too much, nothing is held in vain. */
export function mayGather(bytesOfMemory: number | undefined, most: number): boolean {
  return most > 0 && (bytesOfMemory ?? 0) <= 2 * most;
}

/** What a payload that grows may hold at most: it may have been given `GROWTH` times as much as it needs. */
export function bytesHeld(bytesOfMemory = Infinity): number {
  return (bytesOfMemory / 2) * GROWTH;
}
