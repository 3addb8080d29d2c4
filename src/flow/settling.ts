// Entries that are settled together: how many of each page, and how many bytes.

export class Settling {
  readonly #pages: number[] = [];
  readonly #entriesOf: number[] = [];
  readonly #bytesOf: number[] = [];
  entries = 0;
  /** Of keys and payloads. */
  bytes = 0;

  /** Entries of a page come one after the other, or nearly so. */
  add(page: number, bytes: number): void {
    const last = this.#pages.length - 1;
    if (last >= 0 && this.#pages[last] === page) {
      this.#entriesOf[last]!++;
      this.#bytesOf[last]! += bytes;
    } else {
      this.#pages.push(page);
      this.#entriesOf.push(1);
      this.#bytesOf.push(bytes);
    }
    this.entries++;
    this.bytes += bytes;
  }

  each(onPage: (page: number, entries: number, bytes: number) => void): void {
    this.#pages.forEach((page, i) => onPage(page, this.#entriesOf[i]!, this.#bytesOf[i]!));
  }

  /** It is used again. */
  clear(): void {
    this.#pages.length = 0;
    this.#entriesOf.length = 0;
    this.#bytesOf.length = 0;
    this.entries = 0;
    this.bytes = 0;
  }
}
