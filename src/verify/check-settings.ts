// What a check was asked for beyond what a copy of the same keys is asked for, with its defaults.

import { settingsOf, type Settings } from '../sync/settings.ts';
import type { WrittenKeys } from '../target/conflicts.ts';
import type { CheckEvent, CheckOptions } from './options.ts';

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

const DEFAULT_RECHECKS = 3;
const DEFAULT_INTERVAL_MS = 2000;

/** @throws AddressError, as `settingsOf` */
export function checkSettingsOf({ onEvent, ...options }: CheckOptions, scope: CheckScope): CheckSettings {
  return {
    ...settingsOf(options, 'check'),
    ...scope,
    ttlTolerance: options.ttlTolerance,
    recheck: options.recheck ?? DEFAULT_RECHECKS,
    recheckInterval: options.recheckInterval ?? DEFAULT_INTERVAL_MS,
    tellMatches: options.tellMatches ?? false,
    onCheckEvent: onEvent ?? (() => {}),
  };
}
