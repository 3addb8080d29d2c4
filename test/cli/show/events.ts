// Events of a run, and the summary of one that ended well.
import type {
  DryRunEvent,
  Figures,
  MigrateEvent,
  NodeReport,
  ReconnectEvent,
  StartEvent,
} from '../../../src/sync/options.ts';

export const NONE: Figures = {
  keys: 0,
  bytes: 0,
  converted: 0,
  skipped: 0,
  expired: 0,
  failed: 0,
  reconnects: 0,
  elapsed: 0,
};
export const DONE: Figures = {
  keys: 1_000_000,
  bytes: 85_143_322,
  converted: 0,
  skipped: 0,
  expired: 3,
  failed: 0,
  reconnects: 0,
  elapsed: 5400,
};
export const SUMMARY =
  'rump: 1,000,000 keys, 81.2 MiB in 5.4 s (185,000 keys/s), 0 skipped, 3 expired on the way, 0 failed\n';
export const BATCH: MigrateEvent = { type: 'batch', keys: 1000 };
export const WARNING: MigrateEvent = {
  type: 'warning',
  code: 'CLOCK_SKEW',
  message: 'the clocks are \u001B 2 s apart',
};
const NODE: NodeReport = {
  address: '10.0.0.1:6379',
  server: 'redis 7.0.15',
  role: 'replica',
  usedMemory: 123_000_000,
  maxMemory: 0,
};
export const START: StartEvent = {
  type: 'start',
  source: { endpoint: 'redis://:***@a:1', kind: 'server', nodes: [NODE], keys: 1_000_000 },
  target: { endpoint: 'redis://b:2/1', kind: 'cluster', nodes: [nodeAt(1), nodeAt(2)], keys: 0 },
  databases: [[0, 1]],
  scope: { db: '0', match: 'user:*' },
  clockSkew: -12.4,
  expiry: 'exact',
};
export const DRY_RUN: DryRunEvent = {
  type: 'dry-run',
  types: [
    { type: 'string', keys: 12_000, bytes: 1_400_000 },
    { type: 'hash', keys: 346, bytes: 90_000 },
  ],
};

export function nodeAt(port: number): NodeReport {
  const address = `10.0.0.${port}:${7000 + port}`;
  return { ...NODE, address, server: 'valkey 8.1.4', role: 'primary', usedMemory: 1_500_000, maxMemory: 2_000_000_000 };
}

export function reconnect(attempt = 2): ReconnectEvent {
  const cause = { code: 'ECONNRESET', reason: 'the connection was reset', refused: false };
  return { type: 'reconnect', side: 'source', address: '10.0.0.1:6379', ...cause, attempt, retries: 10, pause: 400 };
}

export function progress(fraction: number, figures: Partial<Figures> = {}): MigrateEvent & { type: 'progress' } {
  return { type: 'progress', fraction, ...NONE, ...figures };
}

export function keyFailed(key: string): MigrateEvent {
  const reason = 'BUSYKEY Target key name already exists';
  return { type: 'key-failed', db: 3, key: Buffer.from(key), code: 'BUSYKEY', reason };
}
