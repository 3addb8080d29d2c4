// Keys that a node of a cluster has told of while another one is known to serve their slots: by name as far as there is room,
// otherwise by slot.

import { slotOf, SlotSet } from '../cluster/slot.ts';

/** As a feed tells it. */
export interface ToldKey {
  readonly db: number | undefined;
  readonly key: Buffer;
}

const MOST_KEYS = 20_000;
const MOST_BYTES = 4 * 1024 * 1024;

export class KeysElsewhere {
  #keys = new Map<string, ToldKey>();
  #bytes = 0;
  #slots = new SlotSet();

  get isEmpty(): boolean {
    return this.#keys.size === 0;
  }

  /** Whether there are any, by name or by slot. */
  get hasAny(): boolean {
    return this.#keys.size + this.#slots.size > 0;
  }

  /** @param key a copy of it is kept */
  add(db: number | undefined, key: Buffer): void {
    const id = `${db ?? ''} ${key.toString('latin1')}`;
    if (this.#keys.has(id)) return;
    if (this.#keys.size >= MOST_KEYS || this.#bytes + key.length > MOST_BYTES) {
      this.#slots.add(slotOf(key));
      return;
    }
    this.#keys.set(id, { db, key: Buffer.from(key) });
    this.#bytes += key.length;
  }

  /** Takes out those that are kept by name. */
  take(): readonly ToldKey[] {
    const keys = [...this.#keys.values()];
    this.#keys = new Map();
    this.#bytes = 0;
    return keys;
  }

  /** Takes out the slots of the others. */
  takeSlots(): SlotSet {
    const slots = this.#slots;
    this.#slots = new SlotSet();
    return slots;
  }
}
