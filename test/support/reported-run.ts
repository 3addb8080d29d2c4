// A run that is told event by event, with everything that a page may have to show, and names that are made to break it.
import { RunRecord } from '../../src/report/run-record.ts';
import type { RunOutcome, RunState } from '../../src/report/run-state.ts';
import type { Figures, MigrateEvent, ObservedEvent } from '../../src/sync/options.ts';
import { nodeAt, NONE, reconnect, START } from '../cli/show/events.ts';

export const AT = 1_790_000_000_000;

/** HTML, marks of direction, controls, broken UTF-8, and a name without an end. */
export const HOSTILE_KEYS: readonly Buffer[] = [
  '<img src=x onerror=window.broken=1>',
  '</style><script>window.broken=2</script>',
  '"><svg onload="window.broken=3">',
  "' onmouseover='window.broken=4",
  '&lt;b&gt;&#x3c;i&#x3e;',
  'invoice\u202Efdp.exe\u202C',
  'one\u0000two\r\nthree\u001B[31mred\u0007',
  'javascript:window.broken=5',
  `user:{${'0123456789'.repeat(400)}}`,
]
  .map((text) => Buffer.from(text))
  .concat(Buffer.from([0xff, 0xfe, 0x80]));

const TYPES = [
  { type: 'hash', keys: 412_000, bytes: 812_000_000 },
  { type: 'string', keys: 1_204_331, bytes: 301_000_000 },
  { type: 'zset', keys: 90_112, bytes: 140_000_000 },
  { type: 'stream', keys: 40, bytes: 9_000_000 },
  { type: '<b>module</b>', keys: 1, bytes: 120 },
];

const OBSERVED: ObservedEvent = {
  type: 'observed',
  types: TYPES,
  largest: HOSTILE_KEYS.map((key, i) => ({
    db: 0,
    key: key.subarray(0, 512),
    nameBytes: key.length,
    type: TYPES[i % 4]!.type,
    bytes: 88_000_000 / (i + 1),
  })),
  slowest: HOSTILE_KEYS.slice(0, 4).map((key, i) => ({
    db: 0,
    key,
    nameBytes: key.length,
    type: 'hash',
    bytes: 21_000_000 / (i + 1),
    ms: 180 / (i + 1),
  })),
  latency: { latest: 3, longest: 21 },
};

export interface ReportedRun {
  readonly record: RunRecord;
  readonly state: RunState;
  /** Time passes, in milliseconds, and then it is told something. */
  readonly tell: (ms: number, ...events: Parameters<RunRecord['onEvent']>[0][]) => void;
}

export function reportedRun(command: RunState['command'] = 'copy', options: RunState['options'] = []): ReportedRun {
  let now = AT;
  const record = new RunRecord({ version: '2.1.0', command, options }, () => now);
  return {
    record,
    get state() {
      return record.state;
    },
    tell(ms, ...events) {
      now += ms;
      for (const event of events) record.onEvent(event);
    },
  };
}

/** A copy with --live and --verify, from its start to its end, where it has one. */
export function followedRun(outcome?: RunOutcome, seconds = 240): RunState {
  const options = [
    ['--from', 'redis://app:***@db-1.prod.example.com:6379'],
    ['--to', 'redis://cache.new.example.com:6379'],
    ['--live', 'on'],
    ['--verify', 'on'],
    ['--match', HOSTILE_KEYS[0]!.toString()],
  ] as const;
  const run = reportedRun('copy', options);
  const target = { ...START.target, nodes: [1, 2, 3].map(nodeAt) };
  run.tell(400, { ...START, target, feed: { kind: 'psync', why: 'a replica was attached lately: nothing forks' } });
  run.tell(100, {
    type: 'warning',
    code: 'CLOCK_SKEW',
    message: 'the clocks are 1.2 s apart <script>window.broken=6</script>',
  });
  const copying = seconds * 0.6;
  for (let second = 0; second < seconds; second++) tellSecond(run, second, copying);
  for (const key of HOSTILE_KEYS)
    run.tell(1, { type: 'key-failed', db: 0, key, code: 'ERR', reason: 'ERR Bad data format \u202E</td>' });
  run.tell(100, { type: 'phase', phase: 'cutover' });
  run.tell(700, { type: 'phase', phase: 'lingering' });
  run.tell(2000, START, { type: 'check-progress', fraction: 0, ...COMPARED, match: 0, differ: 0 });
  for (let second = 1; second <= 30; second++)
    run.tell(1000, {
      type: 'check-progress',
      fraction: second / 30,
      ...COMPARED,
      match: second * 56_000,
      bytes: second * 41_000_000,
    });
  run.tell(
    10,
    ...HOSTILE_KEYS.slice(0, 3).map(
      (key) =>
        ({
          type: 'verdict',
          verdict: 'differ',
          db: 0,
          key,
          targetDb: 0,
          targetKey: key,
          what: 'hash: 1 field of 7 differs',
        }) as const,
    ),
  );
  if (outcome !== undefined) run.record.finish(outcome);
  return run.state;
}

export const COMPARED = {
  match: 1_680_000,
  differ: 3,
  sourceOnly: 0,
  targetOnly: 0,
  notComparable: 0,
  expired: 12,
  gone: 2,
  failed: 0,
  bytes: 0,
  reconnects: 0,
  elapsed: 0,
};

function tellSecond(run: ReportedRun, second: number, copying: number): void {
  const share = Math.min(1, second / copying);
  const wave = 1 + 0.02 * Math.sin(second / 7);
  const figures: Figures = {
    ...NONE,
    keys: Math.round(1_706_484 * share * wave),
    bytes: Math.round(1_262_000_000 * share * wave),
    removed: 12,
    failed: HOSTILE_KEYS.length,
    elapsed: second * 1000,
  };
  const isCopying = second < copying;
  const phase = isCopying ? 'copying' : second % 9 < 2 ? 'following' : 'in-sync';
  const lag = isCopying ? 900 + second * 3 : 20 + (second % 9) * 12;
  const progress: MigrateEvent = {
    type: 'progress',
    fraction: share,
    ...figures,
    live: { phase, behind: (second * 37) % 900, lag },
  };
  run.tell(1000, { ...OBSERVED, latency: { latest: 3, longest: 4 + ((second * 7919) % 23) } }, progress);
  if (second === 40) run.tell(0, reconnect(1), reconnect(2));
}
