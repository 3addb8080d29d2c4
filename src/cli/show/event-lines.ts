// The events of a run as one JSON object a line each, for programs. It does not know where the lines go.

import { RespError } from '../../../resp/errors.ts';
import { escapeJson, escapeKey } from '../../../resp/escapes.ts';
import type { Figures, LiveProgress, MigrateEvent, MigrateResult, SideReport, StartEvent } from '../../sync/options.ts';
import { planDigest } from '../../sync/workers-plan.ts';
import type { CheckEvent, CheckFigures, VerdictEvent } from '../../verify/options.ts';
import type { OutputOptions, RunEvent } from './output.ts';
import { LONGEST_NAME } from './texts.ts';

type Progress = Extract<MigrateEvent, { type: 'progress' }> | Extract<CheckEvent, { type: 'check-progress' }>;

/** What is known of a run before it begins. */
export type Asked = Pick<OutputOptions, 'partition' | 'verifies'>;

const PROGRESS_MS = 1000;

export class EventLines {
  readonly #write: (line: string) => void;
  readonly #asked: Asked;
  readonly #now: () => number;
  #hasStarted = false;
  #toldAt = -Infinity;
  #untold: Progress | undefined;
  #isCopied = false;

  /** @param write gets whole lines @param now milliseconds since 1970 */
  constructor(write: (line: string) => void, asked: Asked, now: () => number = Date.now) {
    this.#write = write;
    this.#asked = asked;
    this.#now = now;
  }

  onEvent(event: RunEvent): void {
    switch (event.type) {
      case 'start':
        this.#hasStarted = true;
        // The check of a copy is no run of its own.
        this.tell('start', { ...describeStart(event), ...this.#checking });
        break;
      case 'batch':
      case 'observed':
        break;
      case 'progress':
      case 'check-progress':
        this.#untold = event;
        if (Math.abs(this.#now() - this.#toldAt) >= PROGRESS_MS) this.#tellProgress();
        break;
      case 'key-failed':
        this.tell('key-failed', { db: event.db, ...keyOf(event.key), code: event.code, reason: event.reason });
        break;
      case 'key-recovered':
        this.tell('key-recovered', { db: event.db, ...keyOf(event.key) });
        break;
      case 'verdict':
        if (event.verdict !== 'match') this.tell('verdict', describeVerdict(event));
        break;
      case 'done':
      case 'checked':
        this.#isCopied ||= event.type === 'done';
        this.#untold = undefined;
        this.tell(event.type, figuresOf(event));
        break;
      default: {
        const { type, ...rest } = event;
        this.tell(type, rest);
      }
    }
  }

  /** It ended the run: the figures of that moment come before it. */
  onError(error: unknown): void {
    this.#tellProgress();
    this.tell('error', describe(error));
  }

  tell(event: string, fields: object): void {
    // A run may end before `start` has told which part it is about.
    const part = this.#hasStarted ? {} : partOf(this.#asked);
    const line = { event, time: new Date(this.#now()).toISOString(), ...fields, ...part };
    this.#write(`${escapeJson(JSON.stringify(line))}\n`);
  }

  /** Of a copy that has ended nobody could tell otherwise whether its check is still to come. */
  get #checking(): object {
    if (this.#isCopied) return { verify: true };
    return this.#asked.verifies === true ? { verifies: true } : {};
  }

  /** The latest figures: at most once a second, and before an error. */
  #tellProgress(): void {
    if (this.#untold === undefined) return;
    const { type, fraction } = this.#untold;
    const live = 'live' in this.#untold && this.#untold.live !== undefined ? { live: rounded(this.#untold.live) } : {};
    const paused = 'paused' in this.#untold ? { paused: this.#untold.paused } : {};
    this.tell(type, { fraction, ...figuresOf(this.#untold), ...live, ...paused });
    this.#untold = undefined;
    this.#toldAt = this.#now();
  }
}

function partOf({ partition }: Asked): object {
  if (partition === undefined) return {};
  const { part, parts } = partition;
  return { partition: { part, parts, plan: planDigest(partition) } };
}

function describeStart({ source, target, clockSkew, ...event }: StartEvent): object {
  const { partition, databases, scope, expiry, feed } = event;
  const ends = { from: source.endpoint, to: target.endpoint, source: reportOf(source), target: reportOf(target) };
  const skew = clockSkew === null ? null : Math.round(clockSkew);
  return { ...ends, partition, databases, scope, clockSkew: skew, expiry, feed };
}

/** Without the endpoint, which is a field of its own. */
function reportOf({ kind, keys, nodes, ids }: SideReport): object {
  return { kind, keys, nodes, ids };
}

/** @returns the figures, with `elapsed` in whole milliseconds */
function figuresOf(event: Figures | CheckFigures): Figures | CheckFigures {
  const elapsed = Math.round(event.elapsed);
  if ('keys' in event) {
    const { keys, bytes, converted, removed, skipped, expired, failed, reconnects, resumed } = event;
    const { stragglers, doubtful }: Partial<MigrateResult> = event;
    const live = removed === undefined ? {} : { removed, stragglers, doubtful };
    return { keys, bytes, converted, skipped, expired, failed, reconnects, elapsed, resumed, ...live };
  }
  const { match, differ, sourceOnly, targetOnly, notComparable, expired, gone, failed, bytes, reconnects } = event;
  return { match, differ, sourceOnly, targetOnly, notComparable, expired, gone, failed, bytes, reconnects, elapsed };
}

function rounded({ lag, ...rest }: LiveProgress): LiveProgress {
  return { ...rest, lag: lag === null ? null : Math.round(lag) };
}

function describeVerdict({ verdict, db, key, targetDb, targetKey, what }: VerdictEvent): object {
  const { key: shownTarget } = keyOf(targetKey);
  return { verdict, db, ...keyOf(key), targetDb, targetKey: shownTarget, what };
}

/** A name is told whole, unless its line would be longer than a string may be, or a log should. */
function keyOf(key: Buffer): { readonly key: string; readonly keyBytes?: number } {
  if (key.length <= LONGEST_NAME) return { key: escapeKey(key) };
  return { key: escapeKey(key.subarray(0, LONGEST_NAME)), keyBytes: key.length };
}

function describe(error: unknown): object {
  if (error instanceof RespError) return { code: error.code, message: error.message, hint: error.hint };
  return { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error) };
}
