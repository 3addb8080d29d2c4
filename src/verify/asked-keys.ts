// Keys that the other side was asked about, with what the walked side has. Each node answers in the order of the questions:
// nearly all wait in a ring for each node, without an object. Those that come out of turn are found by name.

import { Bytes } from '../../resp/bytes.ts';
import { Ring } from '../../resp/ring.ts';
import { newEntry, type Entry } from '../flow/entry.ts';
import { EntryRing } from '../flow/entry-ring.ts';
import type { EntryView } from '../flow/entry-view.ts';
import { idOf, type KeyId } from '../flow/key-id.ts';

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
  readonly #askedDbOf: (db: number) => number;
  /** By node, keys that are asked about by the name that they have on the walked side. */
  readonly #rings = new Map<string, EntryRing>();
  /** That of the node which has answered last, and the one which was asked last. */
  #answering: EntryRing | undefined;
  #asking: EntryRing | undefined;
  #askedNode: string | undefined;
  /** Out of the rings, by what they are asked with: SCAN may give a key twice. */
  readonly #byName = new Map<string, AskedKey[]>();
  #named = 0;
  /** Those that were asked about with a Buffer, which finds them again, in order and out of it. */
  readonly #inOrder = new Ring<AskedKey>();
  readonly #byBuffer = new Map<Buffer, AskedKey>();
  readonly #spare: AskedKey[] = [];

  /** @param askedDbOf where the other side has the keys that are added where they lie */
  constructor(askedDbOf: (db: number) => number) {
    this.#askedDbOf = askedDbOf;
  }

  /** Those that are not answered. */
  get size(): number {
    let size = this.#inOrder.length + this.#byBuffer.size + this.#named;
    for (const { length } of this.#rings.values()) size += length;
    return size;
  }

  newKey(): AskedKey {
    const spare = this.#spare.pop();
    if (spare !== undefined) return spare;
    const entry = newEntry();
    return { entry, asked: entry.key, others: NONE };
  }

  /** It is answered, or was not asked about. */
  reuse(key: AskedKey): void {
    key.entry.kind = 'name';
    key.entry.payload = null;
    key.entry.large = null;
    key.others = NONE;
    this.#spare.push(key);
  }

  add(key: AskedKey, asked: Buffer): void {
    key.asked = asked;
    this.#inOrder.push(key);
  }

  /** Keeps a copy of an entry; the node is asked about its key by the same name. */
  addView(entry: EntryView, nodeId: string): void {
    if (nodeId !== this.#askedNode) {
      this.#askedNode = nodeId;
      this.#asking = this.#rings.get(nodeId) ?? new EntryRing();
      this.#rings.set(nodeId, this.#asking);
    }
    this.#asking!.pushView(entry);
  }

  /** Which of those an answer is about, where it comes in turn; it holds until `drop`, which takes it out. */
  headFor(db: number, bytes: Bytes, start: number, end: number): EntryView | undefined {
    const last = this.#answering;
    if (last !== undefined && this.#isNext(last, db, bytes, start, end)) return last.head;
    for (const ring of this.#rings.values()) {
      if (!this.#isNext(ring, db, bytes, start, end)) continue;
      this.#answering = ring;
      return ring.head;
    }
    return undefined;
  }

  drop(): void {
    this.#answering!.drop();
  }

  /** Takes out what was asked with this Buffer, or about a key of this name. */
  take(asked: KeyId): AskedKey {
    return this.#takeByBuffer(asked.key) ?? this.#takeByName(asked);
  }

  #isNext(ring: EntryRing, db: number, bytes: Bytes, start: number, end: number): boolean {
    const head = ring.head;
    if (head === undefined || head.keyEnd - head.keyAt !== end - start) return false;
    return head.keyIn.equals(bytes, start, head.keyAt, head.keyEnd) && this.#askedDbOf(head.db) === db;
  }

  #takeByBuffer(asked: Buffer): AskedKey | undefined {
    if (this.#inOrder.peek()?.asked === asked) return this.#inOrder.shift();
    if (this.#inOrder.length + this.#byBuffer.size === 0) return undefined;
    if (!this.#byBuffer.has(asked)) {
      for (let key = this.#inOrder.shift(); key !== undefined; key = this.#inOrder.shift()) {
        this.#byBuffer.set(key.asked, key);
      }
    }
    const key = this.#byBuffer.get(asked);
    this.#byBuffer.delete(asked);
    return key;
  }

  #takeByName({ db, key }: KeyId): AskedKey {
    const head = this.headFor(db, new Bytes(key), 0, key.length);
    if (head !== undefined) return this.#moveHead(this.#answering!);
    const id = idOf({ db, key });
    if (!this.#byName.has(id)) this.#sortByName();
    const named = this.#byName.get(id)!;
    this.#named--;
    if (named.length === 1) this.#byName.delete(id);
    return named.shift()!;
  }

  #sortByName(): void {
    for (const ring of this.#rings.values()) {
      while (ring.length > 0) {
        const key = this.#moveHead(ring);
        const { entry } = key;
        const id = idOf({ db: this.#askedDbOf(entry.db), key: entry.key });
        const named = this.#byName.get(id);
        if (named === undefined) this.#byName.set(id, [key]);
        else named.push(key);
        this.#named++;
      }
    }
  }

  #moveHead(ring: EntryRing): AskedKey {
    const key = this.newKey();
    ring.take(key.entry);
    key.asked = key.entry.key;
    return key;
  }
}
