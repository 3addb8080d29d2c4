// Lets loops sleep until something has happened. It carries no news: whoever is woken looks for himself.

export class Wakeup {
  #sleepers: (() => void)[] = [];
  readonly #listeners: (() => void)[] = [];

  /** Settles at the next `wake`. */
  sleep(): Promise<void> {
    return new Promise((resolve) => {
      this.#sleepers.push(resolve);
    });
  }

  /** Called at every `wake`, beside all others that listen. */
  listen(listener: () => void): void {
    this.#listeners.push(listener);
  }

  wake(): void {
    if (this.#sleepers.length > 0) {
      const sleepers = this.#sleepers;
      this.#sleepers = [];
      for (const resolve of sleepers) resolve();
    }
    for (const listener of this.#listeners) listener();
  }
}
