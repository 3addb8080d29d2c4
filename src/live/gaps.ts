// What may have been missed of the source's changes, until it is made good: several gaps that wait are one.

import { slotOf, SlotSet } from '../cluster/slot.ts';
import { Wakeup } from '../flow/wakeup.ts';

export interface MissedShare {
  readonly reason: string;
  /** `undefined` for all that are followed. */
  readonly databases: readonly number[] | undefined;
  /** Those of the source; `undefined` for all. */
  readonly slots: SlotSet | undefined;
  /** Whether a key of the source is of the share beside those of the slots. */
  readonly wanted?: ((key: Buffer) => boolean) | undefined;
  /** Whether nothing but removals was missed. */
  readonly isFlush: boolean;
  /** Whether somebody has flushed or exchanged databases. */
  readonly isWrite?: boolean;
}

/** The share of all gaps that wait. */
export interface Gap {
  readonly reasons: ReadonlySet<string>;
  readonly databases: readonly number[] | undefined;
  /** Where it is about no other keys of the source than those of these slots. */
  readonly slots: SlotSet | undefined;
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
  const { databases, slots, wanted, isFlush } = union(shares);
  const isIn = (key: Buffer): boolean => slots!.has(slotOf(key)) || wanted?.(key) === true;
  const reasons = new Set(shares.map(({ reason }) => reason));
  const only = wanted === undefined ? slots : undefined;
  return { reasons, databases, slots: only, wanted: slots === undefined ? undefined : isIn, isFlush };
}

/** However many they are, a key is looked for in one set of slots. */
function union(shares: readonly MissedShare[]): MissedShare {
  const databases = shares.some((share) => share.databases === undefined)
    ? undefined
    : [...new Set(shares.flatMap((share) => share.databases!))];
  const isFlush = shares.every((share) => share.isFlush);
  const { reason } = shares[0]!;
  const isAboutAll = shares.some(({ slots, wanted }) => slots === undefined && wanted === undefined);
  if (isAboutAll) return { reason, databases, slots: undefined, isFlush };
  const slots = new SlotSet();
  for (const share of shares) slots.addAll(share.slots ?? []);
  const others = shares.flatMap(({ wanted }) => wanted ?? []);
  const wanted = others.length === 0 ? undefined : (key: Buffer): boolean => others.some((isIn) => isIn(key));
  return { reason, databases, slots, wanted, isFlush };
}
