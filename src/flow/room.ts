// Room for so much at once; who finds none waits, in the order in which they came.

interface Waiting {
  readonly amount: number;
  readonly begin: () => void;
}

export class Room {
  readonly #whole: number;
  #left: number;
  readonly #waiting: Waiting[] = [];

  constructor(whole: number) {
    this.#whole = whole;
    this.#left = whole;
  }

  /**
   * Settles when there is room, which is taken until what comes back is called; a second call does nothing.
   * @param amount more than the whole counts as the whole
   */
  async acquire(amount: number): Promise<() => void> {
    const taken = Math.min(amount, this.#whole);
    if (this.#waiting.length > 0 || taken > this.#left) {
      await new Promise<void>((begin) => this.#waiting.push({ amount: taken, begin }));
    } else this.#left -= taken;
    let isHeld = true;
    return () => {
      if (isHeld) this.#giveBack(taken);
      isHeld = false;
    };
  }

  #giveBack(amount: number): void {
    this.#left += amount;
    while (this.#waiting.length > 0 && this.#waiting[0]!.amount <= this.#left) {
      const { amount: next, begin } = this.#waiting.shift()!;
      this.#left -= next;
      begin();
    }
  }
}

/** One at a time, in the order in which they came. */
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
