// Bytes where they lie: a piece of memory, and copies out of it that make no object. Whoever shows a place in such a piece
// says how long it holds.

import { Buffer } from 'node:buffer';

/** From this size on bytes have memory of their own and go by reference; below it a copy costs less than another write. */
export const BY_REFERENCE = 16 * 1024;
/** From here on the call of a builtin beats a loop over words. */
const LOOP_BYTES = 640;
/**
 * A copy below this size shares memory with others. None where that is the large pool of Node 24 and later: what waits long must
 * not keep much more alive than itself.
 */
const SMALL_BYTES = Buffer.poolSize > 8192 ? 0 : 1024;

const [CR, LF] = [13, 10] as const;

/** Whether a line ends there. */
export function isLineEnd(bytes: Buffer, at: number): boolean {
  return bytes[at] === CR && bytes[at + 1] === LF;
}

export class Bytes {
  readonly buffer: Buffer;
  readonly view: DataView;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  }

  /** A copy of a part; the whole is handed out as it is. */
  slice(start: number, end: number): Buffer {
    const { buffer } = this;
    const length = end - start;
    if (length === buffer.length) return buffer;
    const copy = length < SMALL_BYTES ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length);
    buffer.copy(copy, 0, start, end);
    return copy;
  }

  /** As `slice`, with a view. */
  part(start: number, end: number): Bytes {
    return end - start === this.buffer.length ? this : new Bytes(this.slice(start, end));
  }

  /** Copies a part to `at`. Four bytes at a time: for so few of them a loop beats the call of a builtin. */
  copyTo(target: Bytes, at: number, start: number, end: number): void {
    if (end - start > LOOP_BYTES) {
      this.buffer.copy(target.buffer, at, start, end);
      return;
    }
    const from = this.view;
    const to = target.view;
    let next = at;
    let i = start;
    for (const last = end - 3; i < last; i += 4, next += 4) to.setInt32(next, from.getInt32(i, true), true);
    for (const bytes = target.buffer; i < end; i++, next++) bytes[next] = this.buffer[i]!;
  }

  /** Whether a part is the same as what `other` has at `at`. */
  equals(other: Bytes, at: number, start: number, end: number): boolean {
    const length = end - start;
    if (length > LOOP_BYTES) return this.buffer.compare(other.buffer, at, at + length, start, end) === 0;
    const left = this.view;
    const right = other.view;
    let next = at;
    let i = start;
    for (const last = end - 3; i < last; i += 4, next += 4) {
      if (left.getInt32(i, true) !== right.getInt32(next, true)) return false;
    }
    for (; i < end; i++, next++) if (this.buffer[i] !== other.buffer[next]) return false;
    return true;
  }
}

export const NO_BYTES = new Bytes(Buffer.alloc(0));
