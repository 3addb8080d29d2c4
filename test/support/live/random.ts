// Chance that can be had again: everything that a model test leaves to it comes from one seed, which the test prints.
import type { TestContext } from 'node:test';
import { mulberry32 } from '../frames.ts';

/** A seed that was printed, to have the same run again. */
const VARIABLE = 'TEST_SEED';
const SEEDS = 2 ** 31;

export class Random {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = mulberry32(seed);
  }

  /** From 0 to below the limit. */
  below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }

  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  chance(share: number): boolean {
    return this.#next() < share;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** From 0 to below the limit, the low ones far more often. */
  hot(limit: number): number {
    return Math.floor(this.#next() ** 3 * limit);
  }

  /** Whatever is drawn from it changes nothing of what comes from here. */
  branch(): Random {
    return new Random(this.below(SEEDS));
  }
}

/** The test's own seed, or the one that TEST_SEED names, or a new one. It is printed. */
export function seedOf(t: TestContext, own?: number): number {
  const named = process.env[VARIABLE];
  const seed = own ?? (named ? Number(named) : Math.floor(Math.random() * SEEDS));
  t.diagnostic(`seed ${seed}: ${VARIABLE}=${seed} runs it again`);
  return seed;
}
