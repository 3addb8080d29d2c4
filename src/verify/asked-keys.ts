// Keys that the other side was asked about. One server answers in the order of the questions, and a ring will do; as soon as
// an answer comes out of turn, they are found by the very Buffer that was asked with.

import { Ring } from '../../resp/ring.ts';
import type { Entry } from '../flow/entry.ts';
import { newEntry } from '../flow/entry-ring.ts';

export interface Place {
  readonly db: number;
  readonly key: Buffer;
}

/** A key on its way, used again and again. */
export interface Step {
  readonly entry: Entry;
  /** What the other side is asked with. */
  asked: Buffer;
  /** Where else it may be. */
  places: readonly Place[];
}

const NO_PLACES: readonly Place[] = [];

export class AskedKeys {
  readonly #inOrder = new Ring<Step>();
  readonly #byBuffer = new Map<Buffer, Step>();
  readonly #spare: Step[] = [];
  #isOrdered = true;

  /** Those that are not answered. */
  get size(): number {
    return this.#inOrder.length + this.#byBuffer.size;
  }

  newStep(): Step {
    const spare = this.#spare.pop();
    if (spare !== undefined) return spare;
    const entry = newEntry();
    return { entry, asked: entry.key, places: NO_PLACES };
  }

  /** It is over, or was not begun. */
  reuse(step: Step): void {
    step.entry.payload = null;
    step.entry.large = null;
    step.places = NO_PLACES;
    this.#spare.push(step);
  }

  add(step: Step, asked: Buffer): void {
    step.asked = asked;
    if (this.#isOrdered) this.#inOrder.push(step);
    else this.#byBuffer.set(asked, step);
  }

  /** Takes out what was asked with this Buffer. */
  take(asked: Buffer): Step {
    if (this.#isOrdered && this.#inOrder.peek()?.asked === asked) return this.#inOrder.shift()!;
    this.#isOrdered = false;
    for (let step = this.#inOrder.shift(); step !== undefined; step = this.#inOrder.shift()) {
      this.#byBuffer.set(step.asked, step);
    }
    const step = this.#byBuffer.get(asked)!;
    this.#byBuffer.delete(asked);
    return step;
  }
}
