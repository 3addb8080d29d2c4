// What a server answers, as RESP2 has it, and who takes it.

import { countOf } from './figures.ts';
import { NO_BYTES, type Bytes } from './bytes.ts';
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

/** Replies where they lie, from `at` to before `end`: whoever reads some moves `at` behind them. They hold until the call returns. */
export class ReplyRun {
  bytes: Bytes = NO_BYTES;
  at = 0;
  end = 0;
  /** Replies that the reader waits for: as many less as it has read. */
  due = 0;
  /** Whether the reply at `at` has not come whole, and is short enough to wait for its rest. */
  isUnfinished = false;
}

/** Takes the replies of the commands that it sent, in order. Nothing here may throw. */
export interface Receiver {
  onReply(reply: Reply): void;
  /** Whether the reply that comes next may be longer than is kept: it is read past then, whatever its length. */
  readonly takesLong?: boolean;
  /** So many `+OK` in a row: counted, never collected. */
  onOks(count: number): void;
  /** Reads as many replies as it knows how to read where they lie; the next one comes by `onReply`, unless it is unfinished. */
  read?(run: ReplyRun): void;
  /** The connection failed: no further reply will come. */
  onFailure(error: Error): void;
}
