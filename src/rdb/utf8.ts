// Whether bytes are text, also where they come in parts.

import { Buffer, isUtf8 } from 'node:buffer';

/** From here on bytes are parts of characters beyond ASCII. */
export const BEYOND_ASCII = 0x80;
/** The first byte of such a character is from here on, those that follow are below. */
const FIRST = 0xc0;
const MOST_FOLLOWING = 3;

/** @returns where to cut at or before `end`, so that no character of UTF-8 is cut */
export function wholeCharacters(bytes: Buffer, end: number): number {
  for (let at = end - 1; at >= Math.max(0, end - MOST_FOLLOWING); at--) {
    const byte = bytes[at]!;
    if (byte >= BEYOND_ASCII && byte < FIRST) continue;
    const length = byte < BEYOND_ASCII ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return at + length > end ? at : end;
  }
  return end;
}

/** Looks at a byte string part by part. */
export class TextCheck {
  #isText = true;
  /** Of a character that the last part has cut. */
  #rest: Buffer = Buffer.alloc(0);

  /** Whether it is UTF-8 as a whole. */
  get isText(): boolean {
    return this.#isText && this.#rest.length === 0;
  }

  add(part: Buffer): void {
    if (!this.#isText) return;
    const bytes = this.#rest.length === 0 ? part : Buffer.concat([this.#rest, part]);
    const end = wholeCharacters(bytes, bytes.length);
    this.#isText = isUtf8(bytes.subarray(0, end));
    // A copy: it must not keep the part alive.
    this.#rest = Buffer.from(bytes.subarray(end));
  }
}
