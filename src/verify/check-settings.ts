// What a check was asked for beyond what a copy of the same keys is asked for, with its defaults.

import type { Settings } from '../sync/settings.ts';
import type { Scope } from './scope.ts';
import type { CheckEvent, CheckOptions } from './options.ts';

export interface OwnSettings {
  /** Milliseconds; `undefined` is what the servers make possible. */
  readonly ttlTolerance: number | undefined;
  readonly recheck: number;
  /** Milliseconds. */
  readonly recheckInterval: number;
  readonly tellMatches: boolean;
  readonly onCheckEvent: (event: CheckEvent) => void;
}

export interface CheckSettings extends Settings, OwnSettings, Scope {}

const DEFAULT_RECHECKS = 3;
const DEFAULT_INTERVAL_MS = 2000;

export function checkSettingsOf(options: CheckOptions): OwnSettings {
  return {
    ttlTolerance: options.ttlTolerance,
    recheck: options.recheck ?? DEFAULT_RECHECKS,
    recheckInterval: options.recheckInterval ?? DEFAULT_INTERVAL_MS,
    tellMatches: options.tellMatches ?? false,
    onCheckEvent: options.onEvent ?? (() => {}),
  };
}
