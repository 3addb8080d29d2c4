// A first-in, first-out ring of entries. Its slots are made once and used again, and small keys and payloads share slabs: an
// entry in passing costs no object, and one that waits keeps nothing alive but itself.

import { BY_REFERENCE } from '../../resp/bytes.ts';
import type { Entry } from './entry.ts';
import { MOST_ENTRIES, type EntryRun } from './entry-run.ts';
import { EntryView } from './entry-view.ts';
import { Slabs } from './slabs.ts';

const INITIAL_SLOTS = 64;

export class EntryRing {
  readonly #slabs = new Slabs();
  // The ring of KeyQueue is the same: one class for both, whose slots are of two shapes, cost a copy some 8 % of its CPU.
  #slots: EntryView[] = Array.from({ length: INITIAL_SLOTS }, () => new EntryView());
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The oldest entry, which holds until something is put in; `undefined` where there is none. */
  get head(): EntryView | undefined {
    return this.#length === 0 ? undefined : this.#slots[this.#head];
  }

  /** Makes `run` show the oldest entries, as many as suit it; they hold as the head does. */
  showRun(run: EntryRun): void {
    const { db, page, keyIn, payloadIn } = this.#slots[this.#head]!;
    run.begin(db, page, keyIn, payloadIn);
    const most = Math.min(this.#length, MOST_ENTRIES);
    for (let i = 0; i < most; i++) {
      const slot = this.#slots[(this.#head + i) & (this.#slots.length - 1)]!;
      if (!run.suits(slot)) return;
      run.add(slot.keyAt, slot.keyEnd, slot.payloadAt, slot.payloadEnd, Number(slot.expireAt));
    }
  }

  /** Takes in a copy of the entry; of large keys and payloads the Buffers themselves, where they are whole ones. */
  push(entry: Entry): void {
    this.pushView(EntryView.of(entry));
  }

  pushView(view: EntryView): void {
    if (this.#length === this.#slots.length) this.#grow();
    const slot = this.#slots[(this.#head + this.#length++) & (this.#slots.length - 1)]!;
    slot.copyFields(view);
    const key = view.keyEnd - view.keyAt;
    const payload = view.payloadEnd - view.payloadAt;
    const at = this.#slabs.reserve((key < BY_REFERENCE ? key : 0) + (payload < BY_REFERENCE ? payload : 0));
    const { slab } = this.#slabs;
    slot.slab = slab;
    let end = at;
    if (key >= BY_REFERENCE) slot.showKey(view.keyIn.part(view.keyAt, view.keyEnd), 0, key);
    else {
      end += key;
      view.keyIn.copyTo(slab.bytes, at, view.keyAt, view.keyEnd);
      slot.showKey(slab.bytes, at, end);
    }
    slot.ownKey = view.ownKey;
    if (payload >= BY_REFERENCE) slot.showPayload(view.payloadIn.part(view.payloadAt, view.payloadEnd), 0, payload);
    else {
      view.payloadIn.copyTo(slab.bytes, end, view.payloadAt, view.payloadEnd);
      slot.showPayload(slab.bytes, end, end + payload);
    }
  }

  /** Whether an entry of the same key of the source is inside. */
  holds({ db, keyIn, keyAt, keyEnd }: EntryView): boolean {
    const length = keyEnd - keyAt;
    for (let i = 0; i < this.#length; i++) {
      const slot = this.#slots[(this.#head + i) & (this.#slots.length - 1)]!;
      const isAlike = slot.db === db && slot.keyEnd - slot.keyAt === length;
      if (isAlike && keyIn.equals(slot.keyIn, slot.keyAt, keyAt, keyEnd)) return true;
    }
    return false;
  }

  /** Takes the oldest entry out. Its bytes stay until something is put in. */
  drop(): void {
    const slot = this.#slots[this.#head]!;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#length--;
    slot.slab!.release();
    slot.clear();
  }

  /** Moves the oldest entry into `entry`, which can be kept; false when there is none. */
  take(entry: Entry): boolean {
    const view = this.head;
    if (view === undefined) return false;
    view.copyTo(entry);
    this.drop();
    return true;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = Array.from({ length: old.length * 2 }, (_, i) =>
      i < old.length ? old[(this.#head + i) & (old.length - 1)]! : new EntryView(),
    );
    this.#head = 0;
  }
}
