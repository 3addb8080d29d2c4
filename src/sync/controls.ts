// What a run can be told while it goes on, and what it says of itself: whoever listens for an operator has this, and the run too.

import { RespError } from '../../resp/errors.ts';
import { Pause } from '../flow/pause.ts';
import type { MaxLatency } from '../server/transfer-limits.ts';
import { RateLimit, type Rates } from '../target/rate-limit.ts';
import type { Figures, MigrateOptions } from './options.ts';
import { partName, planDigest } from './workers-plan.ts';

/** Those that are left out stay as they are; Infinity is no limit of bytes or keys. */
export interface Limits extends Rates {
  /** Milliseconds that other clients of the source may have to wait. */
  readonly maxLatency?: number | undefined;
}

export interface Controls {
  status(): StatusReport;
  /** Nothing more is read or written; what the source is asked for already still comes. */
  pause(): void;
  resume(): void;
  setLimits(limits: Limits): void;
  /** The writers have stopped: the run is to come to its end. Only of a run that follows its source. */
  readonly cutover?: (() => void) | undefined;
  /** Whether it ends already, before everything is done: then there is no cutover any more. */
  readonly isStopping: boolean;
  /** Ends the run as a signal would. */
  abort(): void;
}

/** How far a run is, as it says itself. */
export interface Stage extends Figures {
  /** Done so far, 0 to 1. */
  readonly fraction: number;
  /** Of a run that follows its source: keys that have changed and are not settled, and milliseconds, once they were measured. */
  readonly behind?: number | undefined;
  readonly lag?: number | null | undefined;
}

export interface StatusReport extends Stage {
  /** In words: `connecting`, `copying`, `comparing`, `stopping`; of a run that follows its source those of its events as well. */
  readonly phase: string;
  readonly paused: boolean;
  /** `2/4`, of a run that copies a part of a cluster; otherwise `null`. */
  readonly partition: string | null;
  /** What tells the slots of all parts from those of any other plan. */
  readonly plan: string | null;
  /** Whether it follows its source, and so has a cutover. */
  readonly live: boolean;
  /** A second, over the last few. */
  readonly keysPerSecond: number;
  readonly bytesPerSecond: number;
  /** The limits in force; `null` is none. */
  readonly bwlimit: number | null;
  readonly tpslimit: number | null;
  /** Milliseconds. */
  readonly maxLatency: number;
}

/** The code of the error that a run ends with which was told to. */
export const STOPPED = 'STOPPED';

const DEFAULT_MAX_LATENCY_MS = 50;
const WINDOW_MS = 5000;
/** Between two figures that a rate is told by. */
const SAMPLE_MS = 250;
/** Those of a run that has only begun. */
export const NO_FIGURES: Figures = {
  keys: 0,
  bytes: 0,
  converted: 0,
  skipped: 0,
  expired: 0,
  failed: 0,
  reconnects: 0,
  elapsed: 0,
};
const NOTHING: Stage = { fraction: 0, ...NO_FIGURES };

type ControlledOptions = Pick<MigrateOptions, 'bwlimit' | 'tpslimit' | 'maxLatency' | 'live' | 'partition'>;

export class RunControls implements Controls {
  readonly pausing = new Pause();
  readonly limit: RateLimit;
  readonly #maxLatency: { ms: number };
  readonly #end = new AbortController();
  readonly #cutover = new AbortController();
  readonly #samples: Stage[] = [];
  readonly #partition: string | null;
  readonly #plan: string | null;
  #phase = 'connecting';
  #stage = NOTHING;
  /** It comes to an end before everything is done. */
  #isStopping = false;

  readonly cutover: (() => void) | undefined;

  constructor({ bwlimit, tpslimit, maxLatency, live, partition }: ControlledOptions) {
    this.#partition = partition === undefined ? null : partName(partition);
    this.#plan = partition === undefined ? null : planDigest(partition);
    if (live === true) this.cutover = () => this.#cutover.abort();
    this.limit = new RateLimit({ bytesPerSecond: bwlimit, keysPerSecond: tpslimit, pause: this.pausing });
    this.#maxLatency = { ms: maxLatency ?? DEFAULT_MAX_LATENCY_MS };
  }

  /** Aborted by `abort`. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** Aborted by `cutover`. */
  get cutoverSignal(): AbortSignal {
    return this.#cutover.signal;
  }

  get maxLatency(): MaxLatency {
    return this.#maxLatency;
  }

  /** The run says how far it is: at the beginning of a phase, and now and then. */
  show(phase: string, stage: Stage = NOTHING): void {
    // A check that follows a copy counts anew.
    if (stage.elapsed < this.#stage.elapsed) this.#samples.length = 0;
    this.#phase = phase;
    this.#stage = stage;
    if (stage.elapsed - (this.#samples.at(-1)?.elapsed ?? -SAMPLE_MS) < SAMPLE_MS) return;
    this.#samples.push(stage);
    while (stage.elapsed - this.#samples[0]!.elapsed > WINDOW_MS) this.#samples.shift();
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  status(): StatusReport {
    const { keys, bytes, elapsed } = this.#stage;
    const first = this.#samples[0] ?? NOTHING;
    const perSecond = (count: number): number => Math.round((count * 1000) / Math.max(1, elapsed - first.elapsed));
    const { bytesPerSecond, keysPerSecond } = this.limit.rates;
    return {
      phase: this.#phaseNow,
      paused: this.pausing.isOn,
      partition: this.#partition,
      plan: this.#plan,
      live: this.cutover !== undefined,
      ...this.#stage,
      elapsed: Math.round(elapsed),
      keysPerSecond: perSecond(keys - first.keys),
      bytesPerSecond: perSecond(bytes - first.bytes),
      bwlimit: orNull(bytesPerSecond),
      tpslimit: orNull(keysPerSecond),
      maxLatency: this.#maxLatency.ms,
    };
  }

  /** What was in sync is so no more from the moment on that nothing is read and written. */
  get #phaseNow(): string {
    if (this.#isStopping) return 'stopping';
    return this.pausing.isOn && this.#phase === 'in-sync' ? 'following' : this.#phase;
  }

  pause(): void {
    this.pausing.begin();
  }

  resume(): void {
    this.pausing.end();
  }

  setLimits({ maxLatency, ...rates }: Limits): void {
    if (maxLatency !== undefined) this.#maxLatency.ms = maxLatency;
    this.limit.set(rates);
  }

  /** The run ends before everything is done: by a signal, an error, or `abort`. */
  stop(): void {
    this.#isStopping = true;
  }

  abort(): void {
    this.stop();
    const message = 'Stopped by the control socket before everything was done';
    this.#end.abort(new RespError(STOPPED, message, { retryable: true }));
  }
}

function orNull(rate: number): number | null {
  return rate === Infinity ? null : rate;
}
