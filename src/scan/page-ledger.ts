// Which pages of the walks are done with: every key of them is acknowledged, told as failed, or gone. A page that was asked for
// a second time is another page.

import { NO_PAGE } from '../flow/key-id.ts';

interface OpenPage {
  readonly walk: object;
  /** Pages of the walk up to this one. */
  readonly count: number;
  readonly onDone: (() => void) | undefined;
  keys: number;
}

export class PageLedger {
  #last = NO_PAGE;
  /** In the order in which they came. */
  readonly #open = new Map<number, OpenPage>();
  /** Called whenever a page is done with. */
  onDone: () => void = () => {};

  /**
   * A page has come; it stays open until `settle` was called once more than it has keys.
   * @param count of pages of its walk, this one included
   * @param onDone called once it is done with
   * @returns what its keys are known by
   */
  begin(walk: object, count: number, onDone?: () => void): number {
    this.#open.set(++this.#last, { walk, count, onDone, keys: 1 });
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
    if (open.keys > 0) return;
    this.#open.delete(page);
    open.onDone?.();
    this.onDone();
  }

  /** Keys of the page that are not done with, and one more as long as it is read. */
  keysOf(page: number): number {
    return this.#open.get(page)?.keys ?? 0;
  }

  /** Whether the page is one of this walk, and not done with. */
  isOf(page: number, walk: object): boolean {
    return this.#open.get(page)?.walk === walk;
  }

  /** Whether a page of any walk but this one is not done with. */
  hasOthers(walk: object): boolean {
    for (const open of this.#open.values()) if (open.walk !== walk) return true;
    return false;
  }

  /** The last page that has come, of any walk. */
  get last(): number {
    return this.#last;
  }

  /** Keys of pages that have come which are not done with. */
  get openKeys(): number {
    let keys = 0;
    for (const open of this.#open.values()) keys += open.keys;
    return keys;
  }

  /** Whether every page up to this one is done with, of all walks. @param but pages of this one do not count */
  isDone(page: number, but?: object): boolean {
    for (const [open, { walk }] of this.#open) if (walk !== but) return open > page;
    return true;
  }

  /** How many of the first pages of a walk are done with, of so many that have come. */
  doneOf(walk: object, pages: number): number {
    for (const open of this.#open.values()) if (open.walk === walk) return open.count - 1;
    return pages;
  }
}
