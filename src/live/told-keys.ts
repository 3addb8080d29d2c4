// Keys that a node of a cluster has told of, and of which it is not known yet what that means: by name as far as there is room,
// otherwise by slot.

import { slotOf, SlotSet } from '../cluster/slot.ts';

/** As a feed tells it. */
export interface ToldKey {
  readonly db: number | undefined;
  readonly key: Buffer;
  /** How often it was told. */
  times: number;
}

const MOST_KEYS = 20_000;
const MOST_BYTES = 4 * 1024 * 1024;

export class ToldKeys {
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
  add(db: number | undefined, key: Buffer, times = 1): void {
    const id = `${db ?? ''} ${key.toString('latin1')}`;
    const known = this.#keys.get(id);
    if (known !== undefined) known.times += times;
    else if (this.#keys.size >= MOST_KEYS || this.#bytes + key.length > MOST_BYTES) this.#slots.add(slotOf(key));
    else {
      this.#keys.set(id, { db, key: Buffer.from(key), times });
      this.#bytes += key.length;
    }
  }

  addSlots(slots: SlotSet): void {
    this.#slots.addAll(slots);
  }

  /** Whether it may be among them. */
  has(db: number | undefined, key: Buffer): boolean {
    return this.#keys.has(`${db ?? ''} ${key.toString('latin1')}`) || this.#slots.has(slotOf(key));
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
