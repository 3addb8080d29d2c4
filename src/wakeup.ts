// Lets one loop sleep until something has happened. It carries no news: the sleeper looks for itself.

export class Wakeup {
  #resolve: (() => void) | undefined;

  /** Settles at the next `wake`. One sleeper at a time. */
  sleep(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  wake(): void {
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve?.();
  }
}
