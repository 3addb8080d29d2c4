// A first-in, first-out queue in one array that is used again and again. It grows; its owner keeps it bounded.
//
//        head ─┐           ┌─ tail
//      · · · · a b c d e f · · · ·      length = tail - head, slot = position & mask

const INITIAL_SLOTS = 16;

export class Ring<T> {
  #slots: (T | undefined)[] = Array.from({ length: INITIAL_SLOTS });
  #mask = INITIAL_SLOTS - 1;
  #head = 0;
  #tail = 0;

  get length(): number {
    return this.#tail - this.#head;
  }

  push(value: T): void {
    if (this.#tail - this.#head > this.#mask) this.#grow();
    this.#slots[this.#tail++ & this.#mask] = value;
  }

  /** The oldest value, or `undefined` when there is none. */
  peek(): T | undefined {
    return this.#head === this.#tail ? undefined : this.#slots[this.#head & this.#mask];
  }

  /** The newest value, or `undefined` when there is none. */
  last(): T | undefined {
    return this.#head === this.#tail ? undefined : this.#slots[(this.#tail - 1) & this.#mask];
  }

  /** Takes the oldest value out, or returns `undefined` when there is none. */
  shift(): T | undefined {
    if (this.#head === this.#tail) return undefined;
    const slot = this.#head++ & this.#mask;
    const value = this.#slots[slot];
    this.#slots[slot] = undefined;
    return value;
  }

  clear(): void {
    while (this.#head !== this.#tail) this.#slots[this.#head++ & this.#mask] = undefined;
  }

  #grow(): void {
    const old = this.#slots;
    const length = this.length;
    this.#slots = Array.from({ length: old.length * 2 });
    for (let i = 0; i < length; i++) this.#slots[i] = old[(this.#head + i) & this.#mask];
    this.#mask = this.#slots.length - 1;
    this.#head = 0;
    this.#tail = length;
  }
}
