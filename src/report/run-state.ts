// The state of a run at one moment, as a report, a live page and metrics show it: figures, not keys by the million. Types only.

import type { Figures, LiveProgress, SideReport, StartEvent } from '../sync/options.ts';
import type { CheckFigures } from '../verify/options.ts';

export type RunPhase = 'starting' | LiveProgress['phase'] | 'checking' | 'done' | 'failed';

/** Moments are milliseconds since 1970. */
export interface RunState {
  readonly version: string;
  readonly command: 'copy' | 'check';
  readonly startedAt: number;
  readonly updatedAt: number;
  /** When a reply was acknowledged last, or a phase began. */
  readonly lastProgressAt: number;
  readonly phase: RunPhase;
  /** Nothing is read or written until an operator says so. */
  readonly paused: boolean;
  /** What is waited for, and until when: a pause before a server is tried again, or before keys are looked at again. */
  readonly waiting?: { readonly until: number; readonly why: string } | undefined;
  /** What the look at both sides has found; missing before. */
  readonly source?: SideReport | undefined;
  readonly target?: SideReport | undefined;
  readonly clockSkew: StartEvent['clockSkew'];
  readonly figures: Figures;
  /** Done so far, 0 to 1; `null` before anything is known. */
  readonly fraction: number | null;
  readonly live?: { readonly behind: number; readonly lag: number | null } | undefined;
  /** Milliseconds that the source took for the latest reply that was measured. */
  readonly latency: number | null;
  readonly check?: { readonly figures: CheckFigures } | undefined;
  /** How many there were, by their code. */
  readonly warnings: Readonly<Record<string, number>>;
  readonly outcome?: { readonly exitCode: number; readonly isComplete: boolean; readonly text: string } | undefined;
}
