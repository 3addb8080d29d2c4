// The datasets of the bench, key by key: how each is made, and what is asked of a copy of it.
import type { Argument } from '../support/frames.ts';
import type { Goal } from './goal.ts';
import { Random } from './random.ts';

/** What the two sides of a copy are; of a check: servers that hold the same. */
export type Course =
  | 'servers'
  | 'whole'
  | 'clusters'
  | 'stalled-node'
  | 'tls'
  | 'into-file'
  | 'into-ndjson'
  | 'traced'
  | 'out-of-file'
  | 'out-of-snapshot'
  | 'check'
  | 'inspect'
  | 'live'
  | 'live-tracking'
  | 'first-snapshot';

export interface Dataset {
  readonly keys: number;
  readonly course: Course;
  /** Milliseconds that bytes take each way between rump and either server. */
  readonly delay: number;
  readonly goals: readonly Goal[];
  /** The commands that make the key of that number. */
  readonly commandsOf: (index: number, random: Random) => Iterable<Argument[]>;
}

export type DatasetName =
  | 'small'
  | 'mixed'
  | 'large'
  | 'wide'
  | 'far'
  | 'cluster'
  | 'stalled'
  | 'tls'
  | 'file-out'
  | 'file-in'
  | 'ndjson'
  | 'traced'
  | 'rdb'
  | 'check'
  | 'inspect'
  | 'small-live'
  | 'small-tracking'
  | 'small-snapshot'
  | 'mixed-snapshot'
  | 'large-snapshot'
  | 'wide-snapshot';

const SEED = 0x72756d70;
const DAY_MS = 86_400_000;
const WIDE_FIELDS = 1_000_000;
const WIDE_BATCH = 1000;

/** Of a copy that follows a source which nobody writes to. */
const ALMOST_PLAIN: Goal = { figure: 'cpuRatio', atMost: 1.1 };
/** Of a copy whose source does no more than fork. */
const UNFELT: readonly Goal[] = [
  { figure: 'peakRss', atMost: 90 },
  { figure: 'waitBesideFork', atMost: 20 },
];

export const datasets: Readonly<Record<DatasetName, Dataset>> = {
  small: {
    keys: 1_000_000,
    course: 'servers',
    delay: 0,
    goals: [
      { figure: 'a', atMost: 1.55 },
      { figure: 'cpuPerKey', atMost: 2 },
      { figure: 'peakRss', atMost: 90 },
    ],
    commandsOf: smallString,
  },
  mixed: {
    keys: 100_000,
    course: 'servers',
    delay: 0,
    goals: [
      { figure: 'b', atMost: 1 },
      { figure: 'cpuPerKey', atMost: 6 },
    ],
    commandsOf: anyType,
  },
  large: {
    keys: 2000,
    course: 'servers',
    delay: 0,
    goals: [
      { figure: 'b', atMost: 1.05 },
      { figure: 'peakRss', atMost: 200 },
    ],
    commandsOf: blob,
  },
  wide: {
    keys: 6,
    course: 'whole',
    delay: 0,
    goals: [
      { figure: 'd', atMost: 1.6 },
      { figure: 'waitMax', atMost: 50 },
    ],
    commandsOf: wideHash,
  },
  far: {
    keys: 200_000,
    course: 'servers',
    delay: 10,
    goals: [{ figure: 'keysPerSecond', atLeast: 80_000 }],
    commandsOf: smallString,
  },
  cluster: {
    keys: 1_000_000,
    course: 'clusters',
    delay: 0,
    goals: [
      { figure: 'c', atMost: 1.25 },
      { figure: 'peakRss', atMost: 90 },
    ],
    commandsOf: smallString,
  },
  stalled: {
    keys: 900_000,
    course: 'stalled-node',
    delay: 0,
    goals: [{ figure: 'peakRss', atMost: 160 }],
    commandsOf: (index, random) => [['SET', name('key', index), random.bytes(1024)]],
  },
  tls: { keys: 1_000_000, course: 'tls', delay: 0, goals: [], commandsOf: smallString },
  'file-out': { keys: 1_000_000, course: 'into-file', delay: 0, goals: [], commandsOf: smallString },
  'file-in': { keys: 1_000_000, course: 'out-of-file', delay: 0, goals: [], commandsOf: smallString },
  ndjson: {
    keys: 100_000,
    course: 'into-ndjson',
    delay: 0,
    goals: [
      { figure: 'megabytesPerSecond', atLeast: 60 },
      { figure: 'peakRss', atMost: 120 },
    ],
    commandsOf: anyType,
  },
  traced: { keys: 200_000, course: 'traced', delay: 0, goals: [], commandsOf: smallString },
  rdb: {
    keys: 1_000_000,
    course: 'out-of-snapshot',
    delay: 0,
    goals: [{ figure: 'c', atMost: 1 }],
    commandsOf: smallString,
  },
  check: {
    keys: 1_000_000,
    course: 'check',
    delay: 0,
    goals: [
      { figure: 'c', atMost: 1.6 },
      { figure: 'peakRss', atMost: 150 },
    ],
    commandsOf: smallString,
  },
  inspect: {
    keys: 1_000_000,
    course: 'inspect',
    delay: 0,
    goals: [
      { figure: 'c', atMost: 1 },
      { figure: 'peakRss', atMost: 90 },
    ],
    commandsOf: smallString,
  },
  'small-live': { keys: 1_000_000, course: 'live', delay: 0, goals: [ALMOST_PLAIN], commandsOf: smallString },
  'small-tracking': {
    keys: 1_000_000,
    course: 'live-tracking',
    delay: 0,
    goals: [ALMOST_PLAIN],
    commandsOf: smallString,
  },
  'small-snapshot': {
    keys: 1_000_000,
    course: 'first-snapshot',
    delay: 0,
    goals: [
      { figure: 'c', atMost: 0.85 },
      { figure: 'b', atMost: 1.2 },
      { figure: 'sourceCpuRatio', atMost: 0.55 },
      ...UNFELT,
    ],
    commandsOf: smallString,
  },
  'mixed-snapshot': {
    keys: 100_000,
    course: 'first-snapshot',
    delay: 0,
    goals: [{ figure: 'b', atMost: 1 }, ...UNFELT],
    commandsOf: anyType,
  },
  'large-snapshot': {
    keys: 2000,
    course: 'first-snapshot',
    delay: 0,
    goals: [{ figure: 'b', atMost: 1 }, ...UNFELT],
    commandsOf: blob,
  },
  'wide-snapshot': { keys: 6, course: 'first-snapshot', delay: 0, goals: UNFELT, commandsOf: wideHash },
};

/** Datasets that are asked for by one word. */
export const groups = {
  live: ['small-live'],
  'live-tracking': ['small-tracking'],
  snapshot: ['small-snapshot', 'mixed-snapshot', 'large-snapshot', 'wide-snapshot'],
} as const satisfies Readonly<Record<string, readonly DatasetName[]>>;

export type GroupName = keyof typeof groups;

/** Fewer keys of the same kind, for a trial. */
export function scaled(dataset: Dataset, scale: number): Dataset {
  return { ...dataset, keys: Math.max(1, Math.round(dataset.keys * scale)) };
}

/** All commands of a dataset, in the same order and with the same bytes each time. */
export function* commandsOf(dataset: Dataset): Generator<Argument[]> {
  const random = new Random(SEED);
  for (let index = 0; index < dataset.keys; index += 1) yield* dataset.commandsOf(index, random);
}

function smallString(index: number, random: Random): Argument[][] {
  const set = ['SET', name('key', index), random.text(70)];
  return [index % 2 === 0 ? set : [...set, 'PX', expiry(random)]];
}

function blob(index: number, random: Random): Argument[][] {
  return [['SET', name('blob', index), random.bytes(256 * 1024)]];
}

/** A million fields, of which a payload has some 55 MB. */
function* wideHash(index: number, random: Random): Generator<Argument[]> {
  const key = name('wide', index);
  for (let from = 0; from < WIDE_FIELDS; from += WIDE_BATCH) {
    const fields = Array.from({ length: WIDE_BATCH }, (_, i) => [name('f', from + i), random.text(40)]);
    yield ['HSET', key, ...fields.flat()];
  }
}

/** Of a hundred keys: 50 strings, 20 hashes, 10 sets, 8 lists, 8 sorted sets, 2 wide hashes, 2 streams. */
function anyType(index: number, random: Random): Argument[][] {
  const kind = index % 100;
  if (kind < 50) return [['SET', name('string', index), random.text(random.between(10, 200))]];
  const [key, command] = collection(index, kind, random);
  return index % 4 === 0 ? [...command, ['PEXPIRE', key, expiry(random)]] : command;
}

function collection(index: number, kind: number, random: Random): [key: string, commands: Argument[][]] {
  const named = (type: string, make: (key: string) => Argument[][]): [string, Argument[][]] => {
    const key = name(type, index);
    return [key, make(key)];
  };
  if (kind < 70) return named('hash', (key) => [['HSET', key, ...fields(random.between(20, 60), random)]]);
  if (kind < 80) return named('set', (key) => [['SADD', key, ...many(50, () => random.text(10))]]);
  if (kind < 88) return named('list', (key) => [['RPUSH', key, ...many(300, () => random.text(12))]]);
  if (kind < 96) return named('zset', (key) => [['ZADD', key, ...scores(200, random)]]);
  if (kind < 98) return named('wide', (key) => [['HSET', key, ...fields(600, random)]]);
  return named('stream', (key) => stream(key, random));
}

/** Two groups: one has entries that are delivered and not acknowledged, one has read nothing. */
function stream(key: string, random: Random): Argument[][] {
  const ids = Array.from({ length: 30 }, (_, number) => `${1_700_000_000_000 + number}-0`);
  return [
    ...ids.map((id) => ['XADD', key, id, 'kind', 'order', 'text', random.text(40)]),
    ['XGROUP', 'CREATE', key, 'workers', '0'],
    ['XGROUP', 'CREATE', key, 'audit', '0'],
    ['XREADGROUP', 'GROUP', 'workers', 'first', 'COUNT', 12, 'STREAMS', key, '>'],
    ['XACK', key, 'workers', ...ids.slice(0, 7)],
  ];
}

function fields(count: number, random: Random): Argument[] {
  return Array.from({ length: count }, (_, number) => [`field:${number}`, random.text(16)]).flat();
}

function scores(count: number, random: Random): Argument[] {
  return Array.from({ length: count }, (_, number) => [random.between(0, 1_000_000), `member:${number}`]).flat();
}

function many(count: number, make: () => string): string[] {
  return Array.from({ length: count }, make);
}

function name(type: string, index: number): string {
  return `${type}:${String(index).padStart(9, '0')}`;
}

/** Nothing may expire while the bench runs. */
function expiry(random: Random): number {
  return random.between(2 * DAY_MS, 9 * DAY_MS);
}
