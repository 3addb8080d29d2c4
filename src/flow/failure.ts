// What ends work before its time: a promise that never resolves, and rejects once somebody says why; and the signal of a run.

/** Ends whoever races against its promise. */
export class Failure {
  readonly promise: Promise<never>;
  #reject!: (reason: unknown) => void;

  constructor() {
    this.promise = new Promise((_, reject) => (this.#reject = reject));
    // Nobody may be racing when it comes.
    this.promise.catch(() => {});
  }

  /** The first reason counts. */
  fail(reason: unknown): void {
    this.#reject(reason);
  }
}

/**
 * Does the work, and calls `onAbort` with the reason of the signal where that comes meanwhile.
 * @throws that reason, where it came before
 */
export async function whileListening<T>(
  signal: AbortSignal | undefined,
  onAbort: (reason: Error) => void,
  work: () => Promise<T>,
): Promise<T> {
  const listener = (): void => onAbort(signal?.reason as Error);
  signal?.throwIfAborted();
  signal?.addEventListener('abort', listener, { once: true });
  try {
    return await work();
  } finally {
    signal?.removeEventListener('abort', listener);
  }
}
