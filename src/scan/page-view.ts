// The names of a SCAN page, and a page where it lies: its cursor, and where each of its names begins and ends.
//
//   *2 │ $n cursor │ *m │ $n name │ $n name │ …

import type { Buffer } from 'node:buffer';
import type { Bytes } from '../../resp/bytes.ts';

const [STAR, DOLLAR, ZERO, CR] = [42, 36, 48, 13] as const;
/** Digits of a length that is taken; a longer one is for others to read. */
const MOST_DIGITS = 7;
const CRLF_BYTES = 2;
/** Of a name that is empty. */
const LEAST_BYTES = 6;
const INITIAL_NAMES = 1024;

/** What a length says that has not come whole, or is none. */
const [UNFINISHED, ODD] = [-1, -2] as const;

export interface PageNames {
  readonly length: number;
  /** Bytes of them all. */
  readonly size: number;
  /** A character a byte. */
  nameOf(name: number): string;
}

export function namesOf(names: PageNames): readonly string[] {
  return Array.from({ length: names.length }, (_, name) => names.nameOf(name));
}

/** Of a page that has come as an array of Buffers. */
export class NameList implements PageNames {
  readonly size: number;
  readonly #names: readonly Buffer[];

  constructor(names: readonly Buffer[]) {
    this.#names = names;
    this.size = names.reduce((size, { length }) => size + length, 0);
  }

  get length(): number {
    return this.#names.length;
  }

  nameOf(name: number): string {
    return this.#names[name]!.toString('latin1');
  }
}

export class PageView implements PageNames {
  bytes!: Bytes;
  cursor = '';
  /** Names in it. */
  length = 0;
  /** Bytes of them all. */
  size = 0;
  #places = new Int32Array(2 * INITIAL_NAMES);
  /** Behind the line that was read last. */
  #next = 0;

  startOf(name: number): number {
    return this.#places[2 * name]!;
  }

  endOf(name: number): number {
    return this.#places[2 * name + 1]!;
  }

  nameOf(name: number): string {
    return this.bytes.buffer.toString('latin1', this.startOf(name), this.endOf(name));
  }

  /** @returns where the page ends; less than `start` where it is not whole; `start` where it is no such page */
  read(bytes: Bytes, start: number, end: number): number {
    this.bytes = bytes;
    const parts = this.#line(STAR, start, end);
    if (parts !== 2) return parts === UNFINISHED ? start - 1 : start;
    const cursorBytes = this.#line(DOLLAR, this.#next, end);
    if (cursorBytes < 0) return cursorBytes === UNFINISHED ? start - 1 : start;
    const cursorAt = this.#next;
    const names = this.#line(STAR, cursorAt + cursorBytes + CRLF_BYTES, end);
    if (names < 0) return names === UNFINISHED ? start - 1 : start;
    const fault = this.#readNames(names, end);
    if (fault !== 0) return fault === UNFINISHED ? start - 1 : start;
    this.cursor = bytes.buffer.toString('latin1', cursorAt, cursorAt + cursorBytes);
    return this.#next;
  }

  #readNames(names: number, end: number): 0 | typeof UNFINISHED | typeof ODD {
    if (names * LEAST_BYTES > end - this.#next) return UNFINISHED;
    if (this.#places.length < 2 * names) this.#places = new Int32Array(4 * names);
    const places = this.#places;
    let next = this.#next;
    let size = 0;
    for (let i = 0; i < names; i++) {
      const length = this.#line(DOLLAR, next, end);
      if (length < 0) return length as typeof UNFINISHED | typeof ODD;
      const at = this.#next;
      places[2 * i] = at;
      places[2 * i + 1] = at + length;
      size += length;
      next = at + length + CRLF_BYTES;
    }
    if (next > end) return UNFINISHED;
    this.#next = next;
    this.length = names;
    this.size = size;
    return 0;
  }

  /** The number in the line at `start`. */
  #line(mark: number, start: number, end: number): number {
    const { buffer } = this.bytes;
    if (start >= end) return UNFINISHED;
    if (buffer[start] !== mark) return ODD;
    let at = start + 1;
    let number = 0;
    for (; at < end && buffer[at] !== CR; at++) {
      const digit = buffer[at]! - ZERO;
      if (digit < 0 || digit > 9 || at - start > MOST_DIGITS) return ODD;
      number = number * 10 + digit;
    }
    if (at + 1 >= end) return UNFINISHED;
    this.#next = at + CRLF_BYTES;
    return at === start + 1 ? ODD : number;
  }
}
