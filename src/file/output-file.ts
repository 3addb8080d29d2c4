// Where bytes are written, and how that comes to its end, a good one or a bad one. It knows nothing of what they say.

import type { Writable } from 'node:stream';

/** Bytes that wait for the disk before the writer has to. */
export const HIGH_WATER_BYTES = 1024 * 1024;

export interface OutputFile {
  /** As messages call it. */
  readonly name: string;
  /** Takes the bytes; its errors are those of the system. */
  readonly stream: Writable;
  /** Whether what was written stays when the rest fails. */
  readonly isKept: boolean;
  /** Everything was given to `stream`: resolves when it is where it lasts. */
  finish(): Promise<void>;
  /** From now on it is there under its name. */
  publish(): Promise<void>;
  /** Leaves nothing behind that can be taken back. */
  discard(): Promise<void>;
}
