// Keys that the other side was asked about. One server answers in the order of the questions, and a ring will do; as soon as
// an answer comes out of turn, they are found by the very Buffer that was asked with.

import { Ring } from '../../resp/ring.ts';
import type { Entry } from '../flow/entry.ts';
import { newEntry } from '../flow/entry-ring.ts';
import type { KeyId } from '../flow/key-id.ts';

/** A key that waits for its answer; used again and again. */
export interface AskedKey {
  /** What the walked side has. */
  readonly entry: Entry;
  /** What the other side is asked with. */
  asked: Buffer;
  /** Where else it may be. */
  others: readonly KeyId[];
}

const NONE: readonly KeyId[] = [];

export class AskedKeys {
  readonly #inOrder = new Ring<AskedKey>();
  readonly #byBuffer = new Map<Buffer, AskedKey>();
  readonly #spare: AskedKey[] = [];
  #isOrdered = true;

  /** Those that are not answered. */
  get size(): number {
    return this.#inOrder.length + this.#byBuffer.size;
  }

  newKey(): AskedKey {
    const spare = this.#spare.pop();
    if (spare !== undefined) return spare;
    const entry = newEntry();
    return { entry, asked: entry.key, others: NONE };
  }

  /** It is answered, or was not asked about. */
  reuse(key: AskedKey): void {
    key.entry.payload = null;
    key.entry.large = null;
    key.others = NONE;
    this.#spare.push(key);
  }

  add(key: AskedKey, asked: Buffer): void {
    key.asked = asked;
    if (this.#isOrdered) this.#inOrder.push(key);
    else this.#byBuffer.set(asked, key);
  }

  /** Takes out what was asked with this Buffer. */
  take(asked: Buffer): AskedKey {
    if (this.#isOrdered && this.#inOrder.peek()?.asked === asked) return this.#inOrder.shift()!;
    this.#isOrdered = false;
    for (let key = this.#inOrder.shift(); key !== undefined; key = this.#inOrder.shift()) {
      this.#byBuffer.set(key.asked, key);
    }
    const key = this.#byBuffer.get(asked)!;
    this.#byBuffer.delete(asked);
    return key;
  }
}
