// Slots of a first-in, first-out ring, made once and used again: what passes through costs no object. It grows; its owner
// keeps it bounded.

const INITIAL_SLOTS = 64;

export class Slots<T> {
  readonly #newSlot: () => T;
  #slots: T[];
  #head = 0;
  #length = 0;

  constructor(newSlot: () => T) {
    this.#newSlot = newSlot;
    this.#slots = Array.from({ length: INITIAL_SLOTS }, newSlot);
  }

  get length(): number {
    return this.#length;
  }

  /** The oldest one; `undefined` where there is none. */
  get head(): T | undefined {
    return this.#length === 0 ? undefined : this.#slots[this.#head];
  }

  /** One more behind all others, to be filled in. */
  add(): T {
    if (this.#length === this.#slots.length) this.#grow();
    return this.#slots[(this.#head + this.#length++) & (this.#slots.length - 1)]!;
  }

  /** Takes the oldest one out, to be emptied; there has to be one. */
  remove(): T {
    const slot = this.#slots[this.#head]!;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#length--;
    return slot;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = Array.from({ length: old.length * 2 }, (_, i) =>
      i < old.length ? old[(this.#head + i) & (old.length - 1)]! : this.#newSlot(),
    );
    this.#head = 0;
  }
}
