// The state of a run at one moment, as a report, a live page and metrics show it: figures, and of keys the few that stand out.
// Types only; what is in it can be written as JSON.

import type { LiveProgress, MigrateResult, SideReport, StartEvent } from '../sync/options.ts';
import type { CheckFigures, Verdict } from '../verify/options.ts';

export type RunPhase = 'starting' | LiveProgress['phase'] | 'checking' | 'done' | 'failed';

/** Moments are milliseconds since 1970, and keys are shown as by `escapeKey`. */
export interface RunState {
  readonly version: string;
  readonly command: 'copy' | 'check';
  readonly startedAt: number;
  readonly updatedAt: number;
  /** When a reply was acknowledged last, or a phase began. */
  readonly lastProgressAt: number;
  /** Flags that were given, and their values, without secrets. */
  readonly options: readonly (readonly [flag: string, value: string])[];
  readonly phase: RunPhase;
  /** Nothing is read or written until an operator says so. */
  readonly paused: boolean;
  /** What is waited for, and until when: a pause before a server is tried again, or before keys are looked at again. */
  readonly waiting?: { readonly until: number; readonly why: string } | undefined;
  /** What the look at both sides has found; missing before. */
  readonly source?: SideReport | undefined;
  readonly target?: SideReport | undefined;
  readonly databases: StartEvent['databases'];
  readonly expiry?: StartEvent['expiry'] | undefined;
  readonly clockSkew: StartEvent['clockSkew'];
  readonly feed?: StartEvent['feed'];
  readonly figures: MigrateResult;
  /** The copy has come to its end, with or without keys that failed. */
  readonly isCopied: boolean;
  /** Connections that were lost and opened again, by a copy and by the check behind it. */
  readonly reconnects: number;
  /** Done so far, 0 to 1; `null` before anything is known. */
  readonly fraction: number | null;
  readonly live?: { readonly behind: number; readonly lag: number | null } | undefined;
  /** Milliseconds that the source took for the latest reply that was measured. */
  readonly latency: number | null;
  /** When each began, in order. Of those that were short, in a long run, some are left out. */
  readonly phases: readonly PhaseBegin[];
  readonly samples: readonly Sample[];
  /** What was read, by type; a key that was read twice counts twice. */
  readonly types: readonly SizeOfType[];
  readonly largest: readonly SizeOfKey[];
  readonly slowest: readonly TimeOfKey[];
  /** The first of them, in order, and how many more there were. */
  readonly faults: readonly Fault[];
  readonly moreFaults: number;
  readonly failedKeys: readonly FailedKey[];
  readonly moreFailedKeys: number;
  /** How many there were, by their code. */
  readonly warnings: Readonly<Record<string, number>>;
  readonly check?: CheckState | undefined;
  /** What a copy would bring, where it was only looked. */
  readonly dryRun?:
    readonly { readonly type: string; readonly keys: number; readonly bytes: number | null }[] | undefined;
  readonly outcome?: RunOutcome | undefined;
}

export interface PhaseBegin {
  readonly phase: RunPhase;
  readonly at: number;
}

/** Counts are sums since the beginning, the others the largest since the sample before; `null` where nothing was measured. */
export interface Sample {
  readonly at: number;
  /** Copied, or compared. */
  readonly keys: number;
  readonly bytes: number;
  readonly lag: number | null;
  readonly latency: number | null;
  readonly behind: number | null;
}

export interface SizeOfType {
  readonly type: string;
  readonly keys: number;
  /** Of names and payloads. */
  readonly bytes: number;
}

export interface SizeOfKey {
  readonly db: number;
  readonly key: string;
  readonly type: string;
  readonly bytes: number;
}

export interface TimeOfKey extends SizeOfKey {
  /** Milliseconds that the source took for it. */
  readonly ms: number;
}

export interface Fault {
  readonly at: number;
  readonly kind: 'warning' | 'reconnect';
  readonly code: string;
  readonly text: string;
}

export interface FailedKey {
  readonly db: number;
  readonly key: string;
  readonly code: string;
  readonly reason: string;
}

export interface CheckState {
  readonly figures: CheckFigures;
  readonly differences: readonly Difference[];
  readonly moreDifferences: number;
}

export interface Difference {
  readonly verdict: Exclude<Verdict, 'match'>;
  /** Where the key is, or would be, at the source. */
  readonly db: number;
  readonly key: string;
  readonly what?: string | undefined;
}

export interface RunOutcome {
  readonly exitCode: number;
  readonly isComplete: boolean;
  readonly text: string;
  /** The way out, where there is one. */
  readonly hint?: string | undefined;
}
