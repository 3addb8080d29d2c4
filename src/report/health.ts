// Whether a run is well, and whether the target is as the source: what probes of whoever runs it are told.

import type { RunState } from './run-state.ts';

export interface Health {
  readonly isWell: boolean;
  readonly why: string;
}

/** Moments of a clock that nobody sets. */
export interface Signs {
  readonly now: number;
  /** When a reply was acknowledged last, or a phase began. */
  readonly progressAt: number;
  /** Until when a pause lasts that has a reason. */
  readonly waitingUntil: number | undefined;
  /** When a server has said something last; `-Infinity` where none has yet. */
  readonly heardAt: number;
  /** Milliseconds without any sign that are too many: `--timeout`. */
  readonly timeout: number;
}

/**
 * Whether the run goes on, or has a reason to wait. One that is stopped for having none would begin again at the same place: so what
 * counts is that servers answer, and not only what has come across by then.
 */
export function healthOf(state: RunState, { now, progressAt, waitingUntil, heardAt, timeout }: Signs): Health {
  const { phase, outcome, paused, waiting } = state;
  if (outcome !== undefined) return { isWell: outcome.isComplete, why: `${phase}: ${outcome.text}` };
  if (paused) return { isWell: true, why: `${phase}, paused` };
  // It is no more so two seconds after a server falls silent.
  if (phase === 'in-sync') return { isWell: true, why: phase };
  if (waiting !== undefined && waitingUntil !== undefined && now <= waitingUntil + timeout)
    return { isWell: true, why: `${phase}, waiting: ${waiting.why}` };
  const quiet = now - Math.max(progressAt, heardAt);
  if (quiet <= timeout) return { isWell: true, why: phase };
  return {
    isWell: false,
    why: `${phase}, but for ${inSeconds(quiet)} there was no reply: --timeout is ${inSeconds(timeout)}`,
  };
}

/** Whether all is on the target, but for what was written a moment ago. */
export function readinessOf({ phase, paused, outcome, dryRun }: RunState): Health {
  if (outcome !== undefined)
    return { isWell: outcome.isComplete && dryRun === undefined, why: `${phase}: ${outcome.text}` };
  if (paused) return { isWell: false, why: `${phase}, paused` };
  return { isWell: phase === 'in-sync' || phase === 'lingering', why: phase };
}

function inSeconds(ms: number): string {
  return `${Math.floor(ms / 100) / 10} s`;
}
