// Reads a value in pieces once more, from its beginning, where it did not come whole: a few times, then its key fails.

import { RespError } from '../../resp/errors.ts';
import { CHANGED, LONG_PAGE } from './piece-reader.ts';

/** How often in all. */
const MOST_TRIES = 5;
const CODES: ReadonlySet<string> = new Set([CHANGED, LONG_PAGE]);

/**
 * @param read begins anew each time; where pages were too long, with smaller ones
 * @param others further codes of errors behind which it may fare better the next time
 * @throws what `read` throws; `CHANGED`, `LONG_PAGE` and the others only when it did so each time
 */
export async function untilWhole<T>(read: () => Promise<T>, ...others: readonly string[]): Promise<T> {
  const passing: ReadonlySet<string> = new Set([...CODES, ...others]);
  for (let tries = 1; ; tries++) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof RespError) || !passing.has(error.code)) throw error;
      if (tries === MOST_TRIES) throw new RespError(error.code, `${error.message}, ${MOST_TRIES} times in a row`);
    }
  }
}

/** The same also where connections are lost meanwhile. How often it is read again, whoever reads it decides: in the end it may not be. */
export async function untilRead<T>(read: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await untilWhole(read);
    } catch (error) {
      if (!(error instanceof RespError) || !error.retryable) throw error;
    }
  }
}

/** Whether it was read as often as it is worth trying, and did not come whole. */
export function isNeverWhole(error: unknown): boolean {
  return error instanceof RespError && CODES.has(error.code);
}
