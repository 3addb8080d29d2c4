// What may have been missed of the source's changes, until it is made good: several gaps that wait are one.

import { slotOf, SlotSet } from '../cluster/slot.ts';
import { Wakeup } from '../flow/wakeup.ts';

export interface MissedShare {
  readonly reason: string;
  /** `undefined` for all that are followed. */
  readonly databases: readonly number[] | undefined;
  /** Those of the source; `undefined` for all. */
  readonly slots: SlotSet | undefined;
  /** In place of slots: whether a key of the source is of the share. */
  readonly wanted?: ((key: Buffer) => boolean) | undefined;
  /** Whether nothing but removals was missed. */
  readonly isFlush: boolean;
}

/** The share of all gaps that wait. */
export interface Gap {
  readonly reasons: ReadonlySet<string>;
  readonly databases: readonly number[] | undefined;
  /** Whether a key of the source is of this share; `undefined` where all are. */
  readonly wanted: ((key: Buffer) => boolean) | undefined;
  /** Whether the source has to be walked, beside the look for what it has not any more. */
  readonly isFlush: boolean;
}

export class Gaps {
  readonly #moved = new Wakeup();
  #waiting: MissedShare[] = [];
  #isBeingClosed = false;

  add(share: MissedShare): void {
    this.#waiting.push(share);
    if (this.#waiting.length > MOST_APART) this.#waiting = [union(this.#waiting)];
    this.#moved.wake();
  }

  /** Whether something was missed that is not made good yet. */
  get isOpen(): boolean {
    return this.#isBeingClosed || this.#waiting.length > 0;
  }

  /** Waits until nothing is missed. */
  async closed(): Promise<void> {
    while (this.isOpen) await this.#moved.sleep();
  }

  /** Makes good what was missed, again and again. @param close returns when the share is as it should be */
  async closeAll(close: (gap: Gap) => Promise<void>): Promise<never> {
    for (;;) {
      if (this.#waiting.length === 0) await this.#moved.sleep();
      else {
        const waiting = this.#waiting;
        this.#waiting = [];
        this.#isBeingClosed = true;
        await close(gapOf(waiting));
        this.#isBeingClosed = false;
        this.#moved.wake();
      }
    }
  }
}

/** More of them are put together at once. */
const MOST_APART = 64;

function gapOf(shares: readonly MissedShare[]): Gap {
  const { databases, wanted, isFlush } = union(shares);
  return { reasons: new Set(shares.map(({ reason }) => reason)), databases, wanted, isFlush };
}

function union(shares: readonly MissedShare[]): MissedShare {
  const databases = shares.some((share) => share.databases === undefined)
    ? undefined
    : [...new Set(shares.flatMap((share) => share.databases!))];
  const isFlush = shares.every((share) => share.isFlush);
  return { reason: shares[0]!.reason, databases, slots: undefined, wanted: anyOf(shares), isFlush };
}

/** `undefined` where one of them is about all keys. */
function anyOf(shares: readonly MissedShare[]): MissedShare['wanted'] {
  if (shares.some(({ slots, wanted }) => slots === undefined && wanted === undefined)) return undefined;
  const slots = new SlotSet();
  for (const share of shares) slots.addAll(share.slots ?? []);
  const others = shares.flatMap(({ wanted }) => wanted ?? []);
  return (key) => slots.has(slotOf(key)) || others.some((wanted) => wanted(key));
}
