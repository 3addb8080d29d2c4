// Lets loops sleep until something has happened. It carries no news: the sleepers look for themselves.

export class Wakeup {
  #sleepers: (() => void)[] = [];

  /** Settles at the next `wake`. */
  sleep(): Promise<void> {
    return new Promise((resolve) => {
      this.#sleepers.push(resolve);
    });
  }

  wake(): void {
    if (this.#sleepers.length === 0) return;
    const sleepers = this.#sleepers;
    this.#sleepers = [];
    for (const resolve of sleepers) resolve();
  }
}
