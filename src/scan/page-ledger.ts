// Which pages of the walks are done with: every key of them is acknowledged, told as failed, or gone. A page that was asked for
// a second time is another page.

import { NO_PAGE } from '../flow/key-id.ts';

interface OpenPage {
  readonly walk: object;
  /** Pages of the walk up to this one. */
  readonly count: number;
  keys: number;
}

export class PageLedger {
  #last = NO_PAGE;
  /** In the order in which they came. */
  readonly #open = new Map<number, OpenPage>();

  /**
   * A page has come; it stays open until `settle` was called once more than it has keys.
   * @param count of pages of its walk, this one included
   * @returns what its keys are known by
   */
  begin(walk: object, count: number): number {
    this.#open.set(++this.#last, { walk, count, keys: 1 });
    return this.#last;
  }

  /** So many of its keys are to be read. */
  found(page: number, keys: number): void {
    this.#open.get(page)!.keys += keys;
  }

  /** So many of its keys are done with. */
  settle(page: number, keys = 1): void {
    const open = this.#open.get(page);
    if (open === undefined) return;
    open.keys -= keys;
    if (open.keys === 0) this.#open.delete(page);
  }

  /** How many of the first pages of a walk are done with, of so many that have come. */
  doneOf(walk: object, pages: number): number {
    for (const open of this.#open.values()) if (open.walk === walk) return open.count - 1;
    return pages;
  }
}
