// Whether a run is paused: one for all of it, so that whoever reads and whoever writes stop at the same moment.

export class Pause {
  #isOn = false;
  readonly #listeners: (() => void)[] = [];

  /** Nothing more is to be read or written. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** `listener` is called when it is over: whoever has stopped is to go on. */
  onEnd(listener: () => void): void {
    this.#listeners.push(listener);
  }

  begin(): void {
    this.#isOn = true;
  }

  end(): void {
    if (!this.#isOn) return;
    this.#isOn = false;
    for (const listener of this.#listeners) listener();
  }
}
