// The events of a run, as an output gets them, and the summary of one that went well.
import type { Figures, MigrateEvent } from '../../src/sync/options.ts';

export const NONE: Figures = { keys: 0, bytes: 0, skipped: 0, expired: 0, failed: 0, elapsed: 0 };
export const DONE: Figures = { keys: 1_000_000, bytes: 85_143_322, skipped: 0, expired: 3, failed: 0, elapsed: 5400 };
export const SUMMARY =
  'rump: 1,000,000 keys, 81.2 MiB in 5.4 s (185,000 keys/s), 0 skipped, 3 expired on the way, 0 failed\n';
export const BATCH: MigrateEvent = { type: 'batch', keys: 1000 };
export const WARNING: MigrateEvent = {
  type: 'warning',
  code: 'CLOCK_SKEW',
  message: 'the clocks are \u001B 2 s apart',
};
export const START: MigrateEvent = {
  type: 'start',
  from: 'redis://a:1',
  to: 'redis://b:2',
  source: 'redis 7.0.15',
  target: 'valkey 8.1.1',
  sourceDb: 0,
  targetDb: 1,
  keys: 1_000_000,
  expiry: 'exact',
};

export function progress(fraction: number, figures: Partial<Figures> = {}): MigrateEvent & { type: 'progress' } {
  return { type: 'progress', fraction, ...NONE, ...figures };
}

export function keyFailed(key: string): MigrateEvent {
  const reason = 'BUSYKEY Target key name already exists';
  return { type: 'key-failed', db: 3, key: Buffer.from(key), code: 'BUSYKEY', reason };
}
