// From samples to figures: rates, shares and ratios of each run, then the least, the median and the most of all runs.
import { availableParallelism } from 'node:os';
import type { Usage } from './copy-process.ts';
import type { Waits } from './source-client.ts';
import type { Timing } from './time.ts';

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** Seconds, keys and MB (a million bytes of keys and payloads) a second. */
export interface FloorFigures {
  readonly wall: Spread;
  readonly keysPerSecond: Spread;
  readonly megabytesPerSecond: Spread;
  readonly sourceCpu: Spread;
  readonly targetCpu: Spread;
  /** What another client of the source waited, in milliseconds, if the source was read. */
  readonly waitP99?: Spread;
  readonly waitMax?: Spread;
  /** Milliseconds for which the source forked, where it did. */
  readonly fork?: Spread;
  /** The longest wait of a run less its fork. */
  readonly waitBesideFork?: Spread;
}

export interface CopyFigures extends FloorFigures {
  /** Microseconds. */
  readonly cpuPerKey: Spread;
  /** MiB. */
  readonly peakRss: Spread;
  /** 1 is all cores, busy with rump and both servers, all the time. */
  readonly coresUsed: Spread;
}

export interface Volume {
  readonly keys: number;
  readonly bytes: number;
}

export function floorFigures(samples: readonly Timing[], { keys, bytes }: Volume): FloorFigures {
  return {
    wall: spread(samples.map(({ wall }) => wall)),
    keysPerSecond: spread(samples.map(({ wall }) => keys / wall)),
    megabytesPerSecond: spread(samples.map(({ wall }) => bytes / 1e6 / wall)),
    sourceCpu: spread(samples.map(({ sourceCpu }) => sourceCpu)),
    targetCpu: spread(samples.map(({ targetCpu }) => targetCpu)),
    ...waitFigures(samples.flatMap(({ waits }) => waits ?? [])),
  };
}

function waitFigures(waits: readonly Waits[]): Partial<FloorFigures> {
  if (waits.length === 0) return {};
  const figures = { waitP99: spread(waits.map(({ p99 }) => p99)), waitMax: spread(waits.map(({ max }) => max)) };
  if (waits.every(({ fork }) => fork === 0)) return figures;
  const beside = waits.map(({ max, fork }) => Math.max(0, max - fork));
  return { ...figures, fork: spread(waits.map(({ fork }) => fork)), waitBesideFork: spread(beside) };
}

export function copyFigures(samples: readonly (Timing & Usage)[], volume: Volume): CopyFigures {
  const cores = availableParallelism();
  return {
    ...floorFigures(samples, volume),
    cpuPerKey: spread(samples.map(({ cpu }) => (cpu * 1e6) / volume.keys)),
    peakRss: spread(samples.map(({ peakRss }) => peakRss / 2 ** 20)),
    coresUsed: spread(
      samples.map(({ wall, cpu, sourceCpu, targetCpu }) => (cpu + sourceCpu + targetCpu) / wall / cores),
    ),
  };
}

/** Of another build: what this one has, divided by what that one has. */
export interface BuildRatios {
  readonly wall: Spread;
  readonly cpu: Spread;
  readonly peakRss: Spread;
}

/** What rump took divided by what the floor did. */
export interface FloorRatios {
  /** Of wall time. */
  readonly ratio: Spread;
  /** Of the source's CPU time, where it is not a file that is read. */
  readonly sourceCpuRatio?: Spread;
  /** Of rump's own, where the floor is a copy by rump. */
  readonly cpuRatio?: Spread;
}

/** Pair by pair, so that what slows the machine down for a while slows both and counts for neither. */
export function floorRatios(
  copies: readonly (Timing & Usage)[],
  floor: readonly (Timing & Partial<Usage>)[],
): FloorRatios {
  const isRead = floor.every(({ sourceCpu }) => sourceCpu > 0);
  const isRump = floor.every(({ cpu }) => cpu !== undefined);
  return {
    ratio: ratiosOf(copies, floor, ({ wall }) => wall),
    ...(isRead && { sourceCpuRatio: ratiosOf(copies, floor, ({ sourceCpu }) => sourceCpu) }),
    ...(isRump && { cpuRatio: ratiosOf(copies, floor, ({ cpu }) => cpu!) }),
  };
}

export function buildRatios(copies: readonly (Timing & Usage)[], others: readonly (Timing & Usage)[]): BuildRatios {
  return {
    wall: ratiosOf(copies, others, ({ wall }) => wall),
    cpu: ratiosOf(copies, others, ({ cpu }) => cpu),
    peakRss: ratiosOf(copies, others, ({ peakRss }) => peakRss),
  };
}

export function ratiosOf<T>(ours: readonly T[], theirs: readonly T[], of: (sample: T) => number): Spread {
  return spread(ours.map((sample, index) => of(sample) / of(theirs[index]!)));
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return {
    min: rounded(sorted[0]!),
    median: rounded((sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2),
    max: rounded(sorted.at(-1)!),
  };
}

/** Four digits are more than a run can vouch for. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
