// What a snapshot is sent in: empty lines while it is made, its head, its bytes, and an end that either its length tells or 40
// bytes that were said before. It keeps none of it but what may be a part of that end.

import { Buffer } from 'node:buffer';
import { ProtocolError } from './errors.ts';

const LF = 10;
const MARK_BYTES = 40;
/** `$EOF:` with its mark, and a line end. */
const LONGEST_HEAD = 5 + MARK_BYTES + 2;
const WITH_MARK = /^\$EOF:([^\r]{40})\r?$/;
const WITH_LENGTH = /^\$(\d{1,15})\r?$/;

export class SnapshotFrame {
  readonly #onBytes: (bytes: Buffer) => void;
  #state: 'head' | 'length' | 'mark' | 'over' = 'head';
  #head = '';
  #left = 0;
  #mark = Buffer.alloc(0);
  /** The last bytes, as long as the mark may begin in them. */
  #held = Buffer.alloc(0);

  /** @param onBytes gets the snapshot, part by part; they hold until it returns */
  constructor(onBytes: (bytes: Buffer) => void) {
    this.#onBytes = onBytes;
  }

  /** Whether its head has come: until then it is being made. */
  get hasBegun(): boolean {
    return this.#state !== 'head';
  }

  get isOver(): boolean {
    return this.#state === 'over';
  }

  /** Reads from a place in the chunk. Returns where the snapshot ends, or the chunk. @throws ProtocolError */
  read(chunk: Buffer, start: number): number {
    let at = start;
    while (at < chunk.length && this.#state === 'head') at = this.#readHead(chunk, at);
    if (at < chunk.length && this.#state === 'length') at = this.#readLength(chunk, at);
    if (at < chunk.length && this.#state === 'mark') at = this.#readMarked(chunk, at);
    return at;
  }

  #readHead(chunk: Buffer, at: number): number {
    const found = chunk.indexOf(LF, at);
    const end = found === -1 ? chunk.length : found;
    if (this.#head.length + end - at > LONGEST_HEAD) throw broken();
    this.#head += chunk.toString('latin1', at, end);
    if (found === -1) return end;
    const head = this.#head;
    this.#head = '';
    if (head !== '' && head !== '\r') this.#begin(head);
    return end + 1;
  }

  #begin(head: string): void {
    const [, mark] = WITH_MARK.exec(head) ?? [];
    const [, length] = WITH_LENGTH.exec(head) ?? [];
    if (mark !== undefined) this.#mark = Buffer.from(mark, 'latin1');
    else if (length === undefined) throw broken();
    this.#left = Number(length ?? 0);
    this.#state = mark === undefined ? (this.#left === 0 ? 'over' : 'length') : 'mark';
  }

  #readLength(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    this.#left -= end - at;
    this.#onBytes(chunk.subarray(at, end));
    if (this.#left === 0) this.#state = 'over';
    return end;
  }

  #readMarked(chunk: Buffer, at: number): number {
    const held = this.#held.length;
    // The mark may begin in the bytes before.
    const seam = Buffer.concat([this.#held, chunk.subarray(at, at + MARK_BYTES)]);
    const inSeam = held === 0 ? -1 : seam.indexOf(this.#mark);
    if (inSeam !== -1 && inSeam < held) return this.#ends(seam.subarray(0, inSeam), at + inSeam + MARK_BYTES - held);
    if (chunk.length - at < MARK_BYTES) {
      const known = Math.max(0, seam.length - MARK_BYTES + 1);
      if (known > 0) this.#onBytes(seam.subarray(0, known));
      this.#held = Buffer.from(seam.subarray(known));
      return chunk.length;
    }
    if (held > 0) this.#onBytes(this.#held);
    const found = chunk.indexOf(this.#mark, at);
    if (found !== -1) return this.#ends(chunk.subarray(at, found), found + MARK_BYTES);
    const known = chunk.length - MARK_BYTES + 1;
    if (known > at) this.#onBytes(chunk.subarray(at, known));
    this.#held = Buffer.from(chunk.subarray(known));
    return chunk.length;
  }

  #ends(rest: Buffer, end: number): number {
    if (rest.length > 0) this.#onBytes(rest);
    this.#state = 'over';
    return end;
  }
}

function broken(): ProtocolError {
  return new ProtocolError('What should be a snapshot is none');
}
