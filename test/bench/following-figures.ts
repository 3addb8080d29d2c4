// From what was seen of copies that follow their source to figures: by write, and the least, the median and the most of all runs.
import { spread, type Spread } from './figures.ts';

/** One run beside a steady writer. */
export interface Following {
  readonly writes: number;
  /** Writes a second that the writer came to. */
  readonly rate: number;
  /** Milliseconds that the target was behind, once a second. */
  readonly lags: readonly number[];
  /** Seconds, of rump and of the source while there was something to write. */
  readonly cpu: number;
  readonly sourceCpu: number;
  /** Bytes. */
  readonly peakRss: number;
}

/** One run whose target stood still while so many keys changed. */
export interface Dirty {
  readonly keys: number;
  /** Keys that were known to be missing at the target, at most. */
  readonly behind: number;
  /** Bytes. */
  readonly peakRss: number;
  /** From when the target went on to the end. */
  readonly seconds: number;
}

export interface FollowingRuns {
  readonly full: readonly Following[];
  readonly half: readonly Following[];
  /** Seconds of CPU time that the writes of `half` cost a source that nobody follows. */
  readonly alone: readonly number[];
  readonly dirty: readonly Dirty[];
}

export interface RateFigures {
  readonly rate: Spread;
  /** Milliseconds: the median of each run, and the longest one. */
  readonly lag: Spread;
  readonly longestLag: Spread;
  /** Microseconds a write. */
  readonly cpuPerWrite: Spread;
  readonly sourceCpuPerWrite: Spread;
  /** MiB. */
  readonly peakRss: Spread;
}

export interface FollowingFigures {
  readonly full: RateFigures;
  readonly half: RateFigures;
  /** Microseconds a write, of a source that nobody follows. */
  readonly aloneCpuPerWrite: Spread;
  readonly dirty: {
    readonly keys: number;
    readonly behind: Spread;
    /** MiB. */
    readonly peakRss: Spread;
    readonly seconds: Spread;
  };
}

export function followingFigures({ full, half, alone, dirty }: FollowingRuns): FollowingFigures {
  const { writes } = half[0]!;
  return {
    full: rateFigures(full),
    half: rateFigures(half),
    aloneCpuPerWrite: spread(alone.map((cpu) => (cpu * 1e6) / writes)),
    dirty: {
      keys: dirty[0]!.keys,
      behind: spread(dirty.map(({ behind }) => behind)),
      peakRss: spread(dirty.map(({ peakRss }) => peakRss / 2 ** 20)),
      seconds: spread(dirty.map(({ seconds }) => seconds)),
    },
  };
}

function rateFigures(runs: readonly Following[]): RateFigures {
  if (runs.some(({ lags }) => lags.length === 0)) throw new Error('The copy did not tell how far behind it was');
  return {
    rate: spread(runs.map(({ rate }) => rate)),
    lag: spread(runs.map(({ lags }) => spread(lags).median)),
    longestLag: spread(runs.map(({ lags }) => Math.max(...lags))),
    cpuPerWrite: spread(runs.map(({ cpu, writes }) => (cpu * 1e6) / writes)),
    sourceCpuPerWrite: spread(runs.map(({ sourceCpu, writes }) => (sourceCpu * 1e6) / writes)),
    peakRss: spread(runs.map(({ peakRss }) => peakRss / 2 ** 20)),
  };
}
