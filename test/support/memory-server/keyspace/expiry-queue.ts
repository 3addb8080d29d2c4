// Which key expires next: a binary heap. A key whose expiry has changed leaves a stale place behind, which nobody minds.

export interface Expiry {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly key: string;
}

export class ExpiryQueue {
  #heap: Expiry[] = [];

  get length(): number {
    return this.#heap.length;
  }

  push(expiry: Expiry): void {
    const heap = this.#heap;
    let place = heap.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (heap[parent]!.at <= expiry.at) break;
      heap[place] = heap[parent]!;
      place = parent;
    }
    heap[place] = expiry;
  }

  /** Takes the next one that is due. */
  shiftDue(now: number): Expiry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.at > now) return undefined;
    const last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  /** Drops the stale places. */
  retain(isCurrent: (expiry: Expiry) => boolean): void {
    const kept = this.#heap.filter(isCurrent);
    this.#heap = [];
    for (const expiry of kept) this.push(expiry);
  }

  clear(): void {
    this.#heap = [];
  }

  /** Puts `expiry` at the root and lets it sink to its place. */
  #sink(expiry: Expiry): void {
    const heap = this.#heap;
    let place = 0;
    for (;;) {
      let child = place * 2 + 1;
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child += 1;
      if (child >= heap.length || heap[child]!.at >= expiry.at) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = expiry;
  }
}
