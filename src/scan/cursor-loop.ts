// Whether a server leads a scan in a circle, by Brent's check: one cursor is kept, the others are held against it, and after
// twice as many steps as before another one is kept. So each circle is found within a few rounds, whatever its length.

export class CursorLoop {
  #kept: string | undefined;
  #steps = 0;
  /** AskedKeys after which the next cursor is kept. */
  #stride = 1;

  /** Takes the next cursor of a scan, each once; whether the server gave it before, which none does whose scan ends. */
  repeats(cursor: string): boolean {
    if (cursor === this.#kept) return true;
    if (++this.#steps === this.#stride) {
      this.#kept = cursor;
      this.#steps = 0;
      this.#stride *= 2;
    }
    return false;
  }
}
