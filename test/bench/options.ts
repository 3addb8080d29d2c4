// The command line of the bench: which datasets, whether decoding and starting too, how often, against which server.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import type { CopyCommand } from './copy-process.ts';
import { datasets, groups, type DatasetName, type GroupName } from './dataset.ts';
import type { FeedKind } from './following.ts';
import { floors, type FloorName } from './floors.ts';

export interface BenchOptions {
  readonly datasets: readonly DatasetName[];
  /** By which feeds a source is followed that is written. */
  readonly feeds: readonly FeedKind[];
  /** Whether decoding is measured as well. */
  readonly decode: boolean;
  /** Whether starting is measured as well. */
  readonly start: boolean;
  readonly runs: number;
  readonly scale: number;
  readonly floors: readonly FloorName[];
  /** Default: the one on PATH. */
  readonly server: string | undefined;
  readonly command: CopyCommand;
  /** Another build, that takes turns with it. */
  readonly against: CopyCommand | undefined;
}

/** Beside the datasets: no copy, but payloads that become values. */
const DECODE = 'decode';
const START = 'start';

const FEEDS: readonly (readonly [word: GroupName, feed: FeedKind])[] = [
  ['live', 'psync'],
  ['live-tracking', 'tracking'],
];

export const USAGE = `npm run bench -- [DATASET... | live | live-tracking | snapshot | decode | start] [options]

  datasets to copy: ${Object.keys(datasets).join(', ')};
  several of them: ${Object.entries(groups)
    .map(([name, members]) => `${name} (${members.join(', ')})`)
    .join('; ')};
  live, live-tracking: besides, what it takes to follow a source that is written, of which --runs, --scale, --server
    and --rump are heeded
  decode: how fast payloads of mixed become values, of which --scale and --server alone are heeded
  start: what it takes to print the help, of which --runs alone is heeded

  --runs N           runs of each, after one to warm up (5)
  --scale F          shrink every dataset by this factor, for a trial (1)
  --floors a,b,c,d|none  what to compare with: a redis-cli --pipe, b REPLICAOF; c, for clusters, TLS and
                     snapshots, a plain copy; d, for wide, values in one piece (a,b,c,d)
  --server PROGRAM   the server of both sides (redis-server on PATH)
  --rump "CMD"       another build: program and arguments without endpoints
  --against DIST     another build of rump, its folder dist: it takes turns with this one
  --cpu-prof DIR     write a CPU profile of each run of rump into DIR
`;

/** This build, as npm installs it. */
const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** Undefined when help was asked for. */
export function readOptions(args: string[]): BenchOptions | undefined {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      runs: { type: 'string', default: '5' },
      scale: { type: 'string', default: '1' },
      floors: { type: 'string', default: 'a,b,c,d' },
      server: { type: 'string' },
      rump: { type: 'string' },
      against: { type: 'string' },
      'cpu-prof': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const isAll = positionals.length === 0;
  const words = isAll ? [...Object.keys(datasets), DECODE, START] : positionals;
  const names = words.flatMap((word) => (Object.hasOwn(groups, word) ? groups[word as GroupName] : [word]));
  return {
    datasets: names.filter((name) => name !== DECODE && name !== START).map((name) => oneOf(datasets, name)),
    feeds: FEEDS.filter(([word]) => isAll || words.includes(word)).map(([, feed]) => feed),
    decode: names.includes(DECODE),
    start: names.includes(START),
    runs: atLeast(1, '--runs', Math.floor(Number(values.runs))),
    scale: atLeast(Number.MIN_VALUE, '--scale', Number(values.scale)),
    floors: values.floors === 'none' ? [] : values.floors.split(',').map((name) => oneOf(floors, name)),
    server: values.server,
    command: commandOf(values.rump, values['cpu-prof']),
    against: values.against === undefined ? undefined : [process.execPath, mainOf(values.against)],
  };
}

function commandOf(rump: string | undefined, profiles: string | undefined): CopyCommand {
  const [program = '', ...args] = rump?.trim().split(/\s+/) ?? [process.execPath, MAIN];
  return profiles === undefined ? [program, ...args] : [program, '--cpu-prof', `--cpu-prof-dir=${profiles}`, ...args];
}

function mainOf(dist: string): string {
  const main = resolve(dist, 'src/cli/main.js');
  if (existsSync(main)) return main;
  throw new Error(`Cannot bench against ${dist}: there is no ${main}`);
}

function oneOf<Name extends string>(known: Readonly<Record<Name, unknown>>, name: string): Name {
  if (Object.hasOwn(known, name)) return name as Name;
  throw new Error(`Cannot bench ${JSON.stringify(name)}: known are ${Object.keys(known).join(', ')}`);
}

function atLeast(lowest: number, flag: string, value: number): number {
  if (value >= lowest && value < Infinity) return value;
  throw new Error(`Cannot take ${value} for ${flag}: it has to be a number above 0`);
}
