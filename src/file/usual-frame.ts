// Finds the parts of a RESTORE frame where it lies, as rump writes it for nearly every key. It reads no other frame.
//
//     *5 ␍␊ $7 ␍␊ RESTORE ␍␊ $n ␍␊ key ␍␊ $1 ␍␊ 0 ␍␊ $n ␍␊ payload ␍␊ $7 ␍␊ REPLACE ␍␊
//     *6 ␍␊ …                              time                        …                  $6 ␍␊ ABSTTL ␍␊

import type { Buffer } from 'node:buffer';
import { BY_REFERENCE, isLineEnd, type Bytes } from '../../resp/bytes.ts';
import { Literal } from '../../resp/literal.ts';
import type { EntryView } from '../flow/entry-view.ts';
import { NEVER } from '../rdb/milliseconds.ts';
import { CRLF_BYTES, LF, SHORTEST_PAYLOAD } from './restore-frame.ts';

const [FIVE_STRINGS, SIX_STRINGS] = ['*5\r\n', '*6\r\n'].map((text) => new Literal(text).words[0]);
/** Whole words of four bytes; what is left of the text is compared byte by byte. */
const NAME = new Literal('$7\r\nRESTORE\r').words;
const REPLACE = new Literal('$7\r\nREPLACE\r').words;
const ABSTTL = new Literal('$6\r\nABSTTL\r\n').words;
const WORD_BYTES = 4;
/** RESTORE and REPLACE with their lengths and line ends. */
const NAME_BYTES = 13;
const ABSTTL_BYTES = 12;
const MOST_DIGITS = 15;
const [DOLLAR, ZERO] = [36, 48] as const;

export class UsualFrame {
  /** Behind the frame. */
  end = 0;
  #keyAt = 0;
  #keyEnd = 0;
  #payloadAt = 0;
  #payloadEnd = 0;
  #expireAt = NEVER;
  readonly #mostPayload: number;
  readonly #mostKey: number;
  /** Behind the line that was read last. */
  #next = 0;

  /** @param most bytes of a payload; a large one is read otherwise, and never copied */
  constructor(most: number, mostKey: number) {
    this.#mostPayload = Math.min(most, BY_REFERENCE - 1);
    this.#mostKey = Math.min(mostKey, BY_REFERENCE - 1);
  }

  /** Whether such a frame begins at `start`, and is whole. */
  read(bytes: Bytes, start: number): boolean {
    const { buffer, view } = bytes;
    if (start + WORD_BYTES + NAME_BYTES > buffer.length) return false;
    const strings = view.getInt32(start, true);
    const isAbsolute = strings === SIX_STRINGS;
    if (!isAbsolute && strings !== FIVE_STRINGS) return false;
    if (!isWord(view, start + WORD_BYTES, NAME) || buffer[start + WORD_BYTES + NAME_BYTES - 1] !== LF) return false;
    const keyBytes = this.#lengthAt(buffer, start + WORD_BYTES + NAME_BYTES);
    this.#keyAt = this.#next;
    this.#keyEnd = this.#keyAt + keyBytes;
    if (keyBytes < 0 || keyBytes > this.#mostKey || !endsLine(buffer, this.#keyEnd)) return false;
    const time = this.#timeAt(buffer, this.#keyEnd + CRLF_BYTES);
    // A time that is no point in time counts from now.
    if (isAbsolute ? time <= 0 : time !== 0) return false;
    this.#expireAt = isAbsolute ? time : NEVER;
    const payloadBytes = this.#lengthAt(buffer, this.#next);
    this.#payloadAt = this.#next;
    this.#payloadEnd = this.#payloadAt + payloadBytes;
    if (payloadBytes < SHORTEST_PAYLOAD || payloadBytes > this.#mostPayload) return false;
    return this.#readEnd(bytes, isAbsolute);
  }

  /** Shows the key and value of the frame that was read. */
  show(bytes: Bytes, view: EntryView): void {
    view.kind = 'value';
    view.showKey(bytes, this.#keyAt, this.#keyEnd);
    view.showPayload(bytes, this.#payloadAt, this.#payloadEnd);
    view.large = null;
    view.expireAt = this.#expireAt;
    view.idle = -1;
    view.frequency = -1;
  }

  /** What stands behind the payload. */
  #readEnd({ buffer, view }: Bytes, isAbsolute: boolean): boolean {
    const at = this.#payloadEnd + CRLF_BYTES;
    const behind = at + NAME_BYTES;
    this.end = isAbsolute ? behind + ABSTTL_BYTES : behind;
    return (
      this.end <= buffer.length &&
      endsLine(buffer, this.#payloadEnd) &&
      isWord(view, at, REPLACE) &&
      buffer[behind - 1] === LF &&
      (!isAbsolute || isWord(view, behind, ABSTTL))
    );
  }

  /** The number in a line that begins with `$`; -1 where it is none. */
  #lengthAt(buffer: Buffer, at: number): number {
    return at < buffer.length && buffer[at] === DOLLAR ? this.#numberAt(buffer, at + 1) : -1;
  }

  /** The number that is a string of its own; -1 where it is none. */
  #timeAt(buffer: Buffer, at: number): number {
    const digits = this.#lengthAt(buffer, at);
    const start = this.#next;
    const time = digits > 0 ? this.#numberAt(buffer, start) : -1;
    return this.#next === start + digits + CRLF_BYTES ? time : -1;
  }

  #numberAt(buffer: Buffer, start: number): number {
    let at = start;
    let number = 0;
    // A read behind the end of the chunk would cost all later ones time.
    for (const last = Math.min(start + MOST_DIGITS, buffer.length - CRLF_BYTES); at <= last; at++) {
      const digit = buffer[at]! - ZERO;
      if (digit >= 0 && digit <= 9) number = number * 10 + digit;
      else {
        this.#next = at + CRLF_BYTES;
        return at > start && endsLine(buffer, at) ? number : -1;
      }
    }
    return -1;
  }
}

function endsLine(buffer: Buffer, at: number): boolean {
  return at + 1 < buffer.length && isLineEnd(buffer, at);
}

/** Whether these words of four bytes stand there. */
function isWord(view: DataView, at: number, words: Int32Array): boolean {
  for (let i = 0; i < words.length; i++) if (view.getInt32(at + i * WORD_BYTES, true) !== words[i]) return false;
  return true;
}
