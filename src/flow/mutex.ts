// One at a time, in the order in which they came.

export class Mutex {
  #last: Promise<void> = Promise.resolve();

  /** Settles when it is the caller's turn, which lasts until what comes back is called. */
  async acquire(): Promise<() => void> {
    const last = this.#last;
    let release!: () => void;
    this.#last = new Promise((resolve) => {
      release = resolve;
    });
    await last;
    return release;
  }
}
