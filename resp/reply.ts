// What a server answers, as RESP2 has it, and who takes it.

import { countOf } from './figures.ts';
import type { Bytes } from './bytes.ts';
import type { ReplyError } from './errors.ts';

/**
 * Simple and bulk strings are Buffers, often views into the chunk that was read: copy what outlives the batch. Integers are
 * numbers as far as numbers are exact, and bigints beyond.
 */
export type Reply = Buffer | number | bigint | null | ReplyError | Oversized | readonly Reply[];

/** Bytes of the longest string: above any `proto-max-bulk-len` in use (servers take 512 MiB), below what a Buffer can hold. */
export const LONGEST_STRING = 2 ** 30;

/** In place of a bulk string that was longer than is wanted, and was not kept. */
export class Oversized {
  /** Bytes. */
  readonly length: number;

  constructor(length: number) {
    this.length = length;
  }

  toString(): string {
    return `a string of ${countOf(this.length, 'byte')}`;
  }
}

/** Takes the replies of the commands that it sent, in order. Nothing here may throw. */
export interface Receiver {
  onReply(reply: Reply): void;
  /** Whether the reply that comes next may be longer than is kept: it is read past then, whatever its length. */
  readonly takesLong?: boolean;
  /** So many `+OK` in a row: counted, never collected. */
  onOks(count: number): void;
  /** A short bulk string where it lies, which holds until `onLeave`. Without it, it comes by `onReply`. */
  onBulk?(bytes: Bytes, start: number, end: number): void;
  /**
   * An array where it lies, from `start` to before `end` at most.
   * @returns where it ends; less than `start` where it is not whole; `start` where it is to come by `onReply`
   */
  readArray?(bytes: Bytes, start: number, end: number): number;
  /** What was shown where it lies is about to go: copy what is kept. */
  onLeave?(): void;
  /** The connection failed: no further reply will come. */
  onFailure(error: Error): void;
}
