// Builds one payload from the pieces of a value as they come, in the plain encoding that every server reads.
import { Buffer } from 'node:buffer';
import { Parts } from '../../resp/parts.ts';
import { Crc64 } from './crc64.ts';
import { CHECKSUM_BYTES, FOOTER_BYTES, PLAIN_TYPE_BYTES, withFooter } from './payload.ts';
import { NEVER } from './milliseconds.ts';
import { lengthOfPiece, payloadPieces } from './pieces.ts';
import type { StreamPiece, ValuePiece } from './value.ts';

/** The number of elements, or bytes of a string, in a form of fixed size. */
const COUNT_BYTES = 5;
const HEAD_BYTES = 1 + COUNT_BYTES;
const LENGTH_OF_32_BITS = 0x80;
const MOST_LENGTH_BYTES = 5;
const SCORE_BYTES = 8;
const FIRST_BYTES = 64 * 1024;
const CHUNK_BYTES = 1024 * 1024;
/** Below this many bytes a loop is faster than a builtin. */
const COPY_BY_LOOP = 32;

/** Whole pieces of the value. */
interface Chunk {
  readonly bytes: Buffer;
  end: number;
  count: number;
}

export class GatheredPayload {
  readonly #most: number;
  readonly #chunks: Chunk[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Of the chunks before the last one. */
  #before = HEAD_BYTES + FOOTER_BYTES;
  #count = 0;
  #type: Exclude<ValuePiece, StreamPiece>['type'] | undefined;

  /** @param most bytes that it may have */
  constructor(most: number) {
    this.#most = most;
  }

  /** False if the payload would be too long or no plain payload can hold the piece; nothing of it is added then. */
  add(piece: ValuePiece): boolean {
    if (piece.type === 'stream' || !this.#reserve(bytesOf(piece))) return false;
    this.#type = piece.type;
    this.#write(piece);
    const length = lengthOfPiece(piece);
    this.#count += length;
    this.#chunks.at(-1)!.count += length;
    return true;
  }

  /** Elements that were added; of a string its bytes. */
  get length(): number {
    return this.#count;
  }

  /** Of the payload if it were finished now. */
  get bytes(): number {
    return this.#before + this.#at;
  }

  /** Hands over all pieces as one payload of that RDB version. */
  finish(version: number): Parts {
    const head = this.#headOf(this.#count);
    const footer = Buffer.alloc(FOOTER_BYTES);
    footer.writeUInt16LE(version);
    const bodies = this.#takeChunks().map(({ bytes, end }) => bytes.subarray(0, end));
    const crc = new Crc64().update(head);
    for (const body of bodies) crc.update(body);
    crc.update(footer, 0, FOOTER_BYTES - CHECKSUM_BYTES);
    footer.writeBigUInt64LE(crc.value, FOOTER_BYTES - CHECKSUM_BYTES);
    return new Parts([head, ...bodies, footer]);
  }

  /** Hands them over as pieces again, if no payload can be sent; each is released once it was read. */
  *pieces(): Generator<ValuePiece> {
    const chunks = this.#takeChunks();
    for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
      const { bytes, end, count } = chunk;
      if (count === 0 && this.#type !== 'string') continue;
      yield* payloadPieces(withFooter(Buffer.concat([this.#headOf(count), bytes.subarray(0, end)]), 0));
    }
  }

  #headOf(count: number): Buffer {
    const head = Buffer.alloc(HEAD_BYTES);
    head[0] = PLAIN_TYPE_BYTES[this.#type!];
    head[1] = LENGTH_OF_32_BITS;
    head.writeUInt32BE(count, 2);
    return head;
  }

  #takeChunks(): Chunk[] {
    this.#close();
    this.#bytes = Buffer.alloc(0);
    return this.#chunks.splice(0);
  }

  /** The last chunk is complete. */
  #close(): void {
    const last = this.#chunks.at(-1);
    if (last === undefined) return;
    last.end = this.#at;
    this.#before += this.#at;
    this.#at = 0;
  }

  /** Makes room for a piece in one chunk. */
  #reserve(bytes: number): boolean {
    if (this.#before + this.#at + bytes > this.#most) return false;
    const isFirst = this.#chunks.length === 0;
    if (!isFirst && this.#at + bytes <= this.#bytes.length) return true;
    this.#close();
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(bytes, isFirst ? FIRST_BYTES : CHUNK_BYTES));
    this.#chunks.push({ bytes: this.#bytes, end: 0, count: 0 });
    return true;
  }

  #write(piece: Exclude<ValuePiece, StreamPiece>): void {
    switch (piece.type) {
      case 'string':
        return this.#raw(piece.value);
      case 'list':
        for (const item of piece.items) this.#string(item);
        return;
      case 'set':
        for (const member of piece.members) this.#string(member);
        return;
      case 'zset':
        for (const { member, score } of piece.entries) {
          this.#string(member);
          this.#at = this.#bytes.writeDoubleLE(score, this.#at);
        }
        return;
      default:
        for (const { field, value } of piece.fields) {
          this.#string(field);
          this.#string(value);
        }
    }
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

/** Bytes of a piece at most; infinite if no plain payload can hold it. */
function bytesOf(piece: Exclude<ValuePiece, StreamPiece>): number {
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

/** A payload takes half of the memory of the value, or less; if that is still too much, gathering would be in vain. */
export function mayGather(bytesOfMemory: number | undefined, most: number): boolean {
  return most > 0 && (bytesOfMemory ?? 0) <= 2 * most;
}
