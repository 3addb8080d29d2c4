// The figures of a run over its time. When there are as many as there may be, two become one: so a run of a minute is kept to the
// quarter of a second, and one of days in the same memory.

import type { Sample } from './run-state.ts';

const MOST_SAMPLES = 600;
/** Milliseconds between two of them, to begin with. */
const FIRST_INTERVAL_MS = 250;

export class Samples {
  readonly #samples: Sample[] = [];
  #interval = FIRST_INTERVAL_MS;

  /** In order. */
  get all(): readonly Sample[] {
    return this.#samples;
  }

  /** Milliseconds that are between two of them at least. */
  get interval(): number {
    return this.#interval;
  }

  /**
   * @param isLast keep it, however soon it comes
   * @returns whether it was time for one; otherwise its largest values are still to be told
   */
  add(sample: Sample, isLast = false): boolean {
    const last = this.#samples.at(-1);
    if (last !== undefined && sample.at - last.at < this.#interval) {
      // A clock that is put back must not stop them.
      if (sample.at < last.at) this.#samples.length = 0;
      if (!isLast || sample.at <= last.at) return false;
    }
    this.#samples.push(sample);
    if (this.#samples.length >= MOST_SAMPLES) this.#halve();
    return true;
  }

  #halve(): void {
    const samples = this.#samples;
    let kept = 1;
    // The first one is where all begins.
    for (let i = 1; i < samples.length; i += 2) {
      const [one, other] = [samples[i]!, samples[i + 1]];
      samples[kept++] = other === undefined ? one : joined(one, other);
    }
    samples.length = kept;
    this.#interval *= 2;
  }
}

function joined(one: Sample, other: Sample): Sample {
  return {
    ...other,
    lag: larger(one.lag, other.lag),
    latency: larger(one.latency, other.latency),
    behind: larger(one.behind, other.behind),
  };
}

function larger(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.max(one, other);
}
