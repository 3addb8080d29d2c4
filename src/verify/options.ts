// What a check is asked for, with its defaults, and what it tells: the words shared by the library door and the command line.

import type { RunControls } from '../sync/controls.ts';
import type { CommonEvent, LiveOptions, MigrateOptions } from '../sync/options.ts';
import { settingsOf, type Settings } from '../sync/settings.ts';
import type { WrittenKeys } from '../target/conflicts.ts';

const DEFAULT_RECHECKS = 3;
const DEFAULT_INTERVAL_MS = 2000;

/**
 * What was found of one key. `sourceOnly` and `targetOnly`: the other side does not have it. `notComparable`: the module
 * alone that it is a value of could say whether it is the same.
 */
export type Verdict = 'match' | 'differ' | 'sourceOnly' | 'targetOnly' | 'notComparable';

export interface CheckOptions extends Omit<
  MigrateOptions,
  | keyof LiveOptions
  | 'cutover'
  | 'firstCopy'
  | 'onConflict'
  | 'preserveIdle'
  | 'bwlimit'
  | 'tpslimit'
  | 'control'
  | 'failFast'
  | 'dryRun'
  | 'resume'
  | 'verify'
  | 'onEvent'
> {
  /**
   * Milliseconds by which expiries may be apart. Default 0 where both sides tell them to the millisecond, otherwise
   * 1,000. With `noTtl` expiries are not compared.
   */
  readonly ttlTolerance?: number | undefined;
  /** How often keys that differ are read again, once everything was compared. Default 3. */
  readonly recheck?: number | undefined;
  /** Milliseconds before each time. Default 2,000. */
  readonly recheckInterval?: number | undefined;
  /** `true` tells of each key that matches, too. Default `false`. */
  readonly tellMatches?: boolean | undefined;
  /** Called synchronously; it must be quick and must not throw. */
  readonly onEvent?: ((event: CheckEvent) => void) | undefined;
}

export interface CheckFigures {
  /** Keys that are the same on both sides. */
  readonly match: number;
  /** Keys of both sides that are not the same. */
  readonly differ: number;
  /** Keys that the target does not have. */
  readonly sourceOnly: number;
  /** Keys that the source does not have. */
  readonly targetOnly: number;
  /** Keys of both sides of which only a module could say whether they are the same. */
  readonly notComparable: number;
  /** Keys that expired meanwhile. */
  readonly expired: number;
  /** Keys that are gone on both sides, or were before they could be read, and did not expire as far as is known. */
  readonly gone: number;
  /** Keys that a side would not show, or that are damaged. */
  readonly failed: number;
  /** Bytes of keys and payloads of the keys that were compared, as one side has them. */
  readonly bytes: number;
  /** Connections that were lost and opened again. */
  readonly reconnects: number;
  /** Milliseconds since the start. */
  readonly elapsed: number;
}

export type CheckEvent =
  | CommonEvent
  | ({ readonly type: 'check-progress'; /** Done so far, 0 to 1. */ readonly fraction: number } & CheckFigures)
  | VerdictEvent
  | RecheckEvent
  | ({ readonly type: 'checked' } & CheckFigures);

export interface VerdictEvent {
  readonly type: 'verdict';
  readonly verdict: Verdict;
  /** Where the key is, or would be, at the source. */
  readonly db: number;
  readonly key: Buffer;
  readonly targetDb: number;
  readonly targetKey: Buffer;
  /** What differs, under `differ`: `value`, `type: list and set`; or cannot be compared: `module ReJSON-RL`. */
  readonly what?: string | undefined;
}

/** So many keys differ as yet; they are read again after a pause. */
export interface RecheckEvent {
  readonly type: 'recheck';
  readonly keys: number;
  /** 1 for the first. */
  readonly round: number;
  readonly rounds: number;
  /** Milliseconds. */
  readonly pause: number;
}

/** What `check` resolves with once both sides were walked; `failed` may be above 0. */
export type CheckResult = CheckFigures;

/** What is compared, where a copy has gone before. */
export interface CheckScope {
  /** Keys that only the target has are no difference. */
  readonly oneWay: boolean;
  /** The keys of the target that are looked at; all of them where it is missing. */
  readonly written: WrittenKeys | undefined;
}

interface OwnSettings {
  /** Milliseconds that expiries may be apart; `undefined` is what the servers make possible. */
  readonly ttlTolerance: number | undefined;
  /** How often keys that differ are read again, and milliseconds before each time. */
  readonly recheck: number;
  readonly recheckInterval: number;
  readonly tellMatches: boolean;
  readonly onCheckEvent: (event: CheckEvent) => void;
}

export interface CheckSettings extends Settings, OwnSettings, CheckScope {}

/** @throws AddressError, as `settingsOf` */
export function checkSettingsOf(
  { onEvent, ...options }: CheckOptions,
  scope: CheckScope,
  controls?: RunControls,
): CheckSettings {
  return {
    ...settingsOf(options, 'check', controls),
    ...scope,
    ttlTolerance: options.ttlTolerance,
    recheck: options.recheck ?? DEFAULT_RECHECKS,
    recheckInterval: options.recheckInterval ?? DEFAULT_INTERVAL_MS,
    tellMatches: options.tellMatches ?? false,
    onCheckEvent: onEvent ?? (() => {}),
  };
}
