// A pause that a signal ends.

import { setTimeout as sleep } from 'node:timers/promises';

/** @throws the reason of the signal */
export async function pauseFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    signal?.throwIfAborted();
  }
}
