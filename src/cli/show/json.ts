// One JSON object a line on stdout, for programs. stderr gets the error that ended the run, if one did.

import { RespError } from '../../../resp/errors.ts';
import { escapeJson } from '../../rdb/json-writer.ts';
import type { Figures, LiveProgress, MigrateEvent, MigrateResult, SideReport, StartEvent } from '../../sync/options.ts';
import type { CheckEvent, CheckFigures, VerdictEvent } from '../../verify/options.ts';
import { errorText, escapeControls, escapeKey } from './texts.ts';
import type { Outcome, Output, OutputOptions, RunEvent, Streams } from './output.ts';
import { describeFaults } from './report.ts';

type Progress = Extract<MigrateEvent, { type: 'progress' }> | Extract<CheckEvent, { type: 'check-progress' }>;

const PROGRESS_MS = 1000;

export class JsonOutput implements Output {
  readonly #streams: Streams;
  readonly #debug: boolean;
  readonly #now: () => number;
  #toldAt = -Infinity;
  #untold: Progress | undefined;

  /** @param now milliseconds since 1970 */
  constructor(streams: Streams, { debug }: Pick<OutputOptions, 'debug'>, now: () => number = Date.now) {
    this.#streams = streams;
    this.#debug = debug;
    this.#now = now;
  }

  onEvent(event: RunEvent): void {
    switch (event.type) {
      case 'start':
        this.#write('start', describeStart(event));
        break;
      case 'batch':
        break;
      case 'progress':
      case 'check-progress':
        this.#untold = event;
        if (Math.abs(this.#now() - this.#toldAt) >= PROGRESS_MS) this.#tellProgress();
        break;
      case 'key-failed':
        this.#write('key-failed', { db: event.db, key: escapeKey(event.key), code: event.code, reason: event.reason });
        break;
      case 'key-recovered':
        this.#write('key-recovered', { db: event.db, key: escapeKey(event.key) });
        break;
      case 'verdict':
        if (event.verdict !== 'match') this.#write('verdict', describeVerdict(event));
        break;
      case 'done':
      case 'checked':
        this.#write(event.type, figuresOf(event));
        break;
      default: {
        const { type, ...rest } = event;
        this.#write(type, rest);
      }
    }
  }

  onInterrupt(): void {}

  onCutover(): void {}

  finish(outcome: Outcome): void {
    const { stderr } = this.#streams;
    if ('error' in outcome) {
      this.#tellProgress();
      this.#write('error', describe(outcome.error));
      stderr.write(errorText(outcome.error, this.#debug));
    } else {
      for (const fault of describeFaults(outcome)) stderr.write(`rump: ${escapeControls(fault)}\n`);
    }
  }

  /** The latest figures: at most once a second, and before an error. */
  #tellProgress(): void {
    if (this.#untold === undefined) return;
    const { type, fraction } = this.#untold;
    const live = 'live' in this.#untold && this.#untold.live !== undefined ? { live: rounded(this.#untold.live) } : {};
    this.#write(type, { fraction, ...figuresOf(this.#untold), ...live });
    this.#untold = undefined;
    this.#toldAt = this.#now();
  }

  #write(event: string, fields: object): void {
    const line = { event, time: new Date(this.#now()).toISOString(), ...fields };
    this.#streams.stdout.write(`${escapeJson(JSON.stringify(line))}\n`);
  }
}

function describeStart({ source, target, partition, databases, clockSkew, expiry, feed }: StartEvent): object {
  const ends = { from: source.endpoint, to: target.endpoint, source: reportOf(source), target: reportOf(target) };
  return { ...ends, partition, databases, clockSkew: clockSkew === null ? null : Math.round(clockSkew), expiry, feed };
}

/** Without the endpoint, which is a field of its own. */
function reportOf({ kind, keys, nodes }: SideReport): object {
  return { kind, keys, nodes };
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
  return { verdict, db, key: escapeKey(key), targetDb, targetKey: escapeKey(targetKey), what };
}

function describe(error: unknown): object {
  if (error instanceof RespError) return { code: error.code, message: error.message, hint: error.hint };
  return { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error) };
}
