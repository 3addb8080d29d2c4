// Keys and bytes by the beginnings of names, as far as they are separated by colons; in bounded memory, however many there are.

import type { Buffer } from 'node:buffer';

export interface PrefixFigures {
  readonly prefix: string;
  readonly keys: number;
  readonly bytes: number;
}

interface Count {
  keys: number;
  bytes: number;
}

const COLON = 0x3a;
/** Prefixes that are counted at once; at twice as many the smaller half is given up. */
const MOST = 10_000;
/** Bytes of a prefix that tell it from others. */
const LONGEST = 256;

export class Prefixes {
  readonly #depth: number;
  readonly #most: number;
  readonly #counts = new Map<string, Count>();
  #uncertain = 0;

  /** @param depth colons in a prefix, at most */
  constructor(depth: number, most = MOST) {
    this.#depth = depth;
    this.#most = most;
  }

  /** Bytes that may be missing in the figures of a prefix; 0 where all of them are exact. */
  get uncertain(): number {
    return this.#uncertain;
  }

  /** Prefixes that are known. */
  get size(): number {
    return this.#counts.size;
  }

  /** A name that lies there. */
  count(from: Buffer, start: number, end: number, bytes: number): void {
    const prefix = from.toString('latin1', start, endOfPrefix(from, start, end, this.#depth));
    const count = this.#counts.get(prefix);
    if (count !== undefined) {
      count.keys++;
      count.bytes += bytes;
      return;
    }
    if (this.#counts.size >= 2 * this.#most) this.#giveUp();
    this.#counts.set(prefix, { keys: 1, bytes });
  }

  /** Those with the most bytes, each byte of their text one character. */
  largest(most: number): readonly PrefixFigures[] {
    return [...this.#counts]
      .map(([prefix, count]) => ({ prefix, ...count }))
      .toSorted((one, other) => other.bytes - one.bytes || other.keys - one.keys)
      .slice(0, most);
  }

  /** What is given up may come again, and is counted anew then. */
  #giveUp(): void {
    const counts = [...this.#counts].toSorted(([, one], [, other]) => other.bytes - one.bytes);
    const given = counts.slice(this.#most);
    this.#uncertain += given[0]![1].bytes;
    for (const [prefix] of given) this.#counts.delete(prefix);
  }
}

/** Behind so many colons, or as many as there are. */
function endOfPrefix(from: Buffer, start: number, end: number, depth: number): number {
  let found = start;
  let left = depth;
  const last = Math.min(end, start + LONGEST);
  for (let at = start; at < last && left > 0; at++) {
    if (from[at] !== COLON) continue;
    found = at + 1;
    left--;
  }
  return found;
}
