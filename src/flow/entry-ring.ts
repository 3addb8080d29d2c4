// A first-in, first-out ring of entries. Its slots are made once and used again, and small keys and payloads share slabs: an
// entry in passing costs no object, and one that waits keeps nothing alive but itself.

import type { Entry } from './entry.ts';
import { EntryView } from './entry-view.ts';
import { BY_REFERENCE } from '../../resp/bytes.ts';
import { Slabs } from './slabs.ts';
import { Slots } from './slots.ts';

export class EntryRing {
  readonly #slabs = new Slabs();
  readonly #slots = new Slots(() => new EntryView());

  get length(): number {
    return this.#slots.length;
  }

  /** The oldest entry, which holds until something is put in; `undefined` where there is none. */
  get head(): EntryView | undefined {
    return this.#slots.head;
  }

  /** Takes in a copy of the entry; of large keys and payloads the Buffers themselves, where they are whole ones. */
  push(entry: Entry): void {
    this.pushView(EntryView.of(entry));
  }

  pushView(view: EntryView): void {
    const slot = this.#slots.add();
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

  /** Takes the oldest entry out. Its bytes stay until something is put in. */
  drop(): void {
    const slot = this.#slots.remove();
    this.#slabs.release(slot.slab!);
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
}
