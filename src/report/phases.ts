// When each phase of a run began. A source that is written may be in sync and out of it for days: when there are as many as there may
// be, the shortest one counts as a part of the one before.

import type { PhaseBegin, RunPhase } from './run-state.ts';

const MOST_PHASES = 100;
/** Those that alternate. */
const PASSING: ReadonlySet<RunPhase> = new Set<RunPhase>(['following', 'in-sync']);

export class Phases {
  readonly #phases: PhaseBegin[];

  /** @param at milliseconds since 1970 */
  constructor(at: number) {
    this.#phases = [{ phase: 'starting', at }];
  }

  /** In order. */
  get all(): readonly PhaseBegin[] {
    return this.#phases;
  }

  enter(phase: RunPhase, at: number): void {
    if (this.#phases.at(-1)!.phase === phase) return;
    this.#phases.push({ phase, at });
    if (this.#phases.length > MOST_PHASES) this.#leaveOut();
  }

  /** The shortest of those that pass, but for the latest and the first of a kind. What came before and after are one then, where they are the same. */
  #leaveOut(): void {
    const phases = this.#phases;
    let shortest = -1;
    let least = Infinity;
    for (let i = 1; i < phases.length - 1; i++) {
      const { phase, at } = phases[i]!;
      const lasted = phases[i + 1]!.at - at;
      const isFirst = phases.findIndex((other) => other.phase === phase) === i;
      if (!PASSING.has(phase) || isFirst || lasted >= least) continue;
      [shortest, least] = [i, lasted];
    }
    if (shortest < 0) shortest = phases.length - 2;
    const isBridge = phases[shortest - 1]!.phase === phases[shortest + 1]!.phase;
    phases.splice(shortest, isBridge ? 2 : 1);
  }
}
