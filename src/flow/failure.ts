// Ends whoever races against it: a promise that never resolves, and rejects once somebody says why.

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
