// One JSON object a line on stdout, for programs. stderr gets the error that ended the run, if one did.

import { RespError } from '../../resp/errors.ts';
import type { Figures, MigrateEvent, SideReport, StartEvent } from '../sync/options.ts';
import { errorText } from './error-text.ts';
import { escapeKey } from './escape.ts';
import type { Outcome } from './outcome.ts';
import type { Output, Streams } from './output.ts';
import { describeNotCopied } from './report.ts';

type Progress = Extract<MigrateEvent, { type: 'progress' }>;

const PROGRESS_MS = 1000;

export class JsonOutput implements Output {
  readonly #streams: Streams;
  readonly #debug: boolean;
  readonly #now: () => number;
  #toldAt = -Infinity;
  #untold: Progress | undefined;

  /** @param now milliseconds since 1970 */
  constructor(streams: Streams, debug: boolean, now: () => number = Date.now) {
    this.#streams = streams;
    this.#debug = debug;
    this.#now = now;
  }

  onEvent(event: MigrateEvent): void {
    switch (event.type) {
      case 'start':
        this.#write('start', describeStart(event));
        break;
      case 'batch':
        break;
      case 'progress':
        this.#untold = event;
        if (Math.abs(this.#now() - this.#toldAt) >= PROGRESS_MS) this.#tellProgress();
        break;
      case 'key-failed':
        this.#write('key-failed', { db: event.db, key: escapeKey(event.key), code: event.code, reason: event.reason });
        break;
      case 'done':
        this.#write('done', figuresOf(event));
        break;
      default: {
        const { type, ...rest } = event;
        this.#write(type, rest);
      }
    }
  }

  onInterrupt(): void {}

  finish(outcome: Outcome): void {
    const { stderr } = this.#streams;
    if ('error' in outcome) {
      this.#tellProgress();
      this.#write('error', describe(outcome.error));
      stderr.write(errorText(outcome.error, this.#debug));
    } else if (outcome.result.failed > 0) {
      stderr.write(`rump: ${describeNotCopied(outcome.result.failed)}\n`);
    }
  }

  /** The figures as they stood last: told at most once a second, and before an error. */
  #tellProgress(): void {
    if (this.#untold === undefined) return;
    this.#write('progress', { fraction: this.#untold.fraction, ...figuresOf(this.#untold) });
    this.#untold = undefined;
    this.#toldAt = this.#now();
  }

  #write(event: string, fields: object): void {
    const line = { event, time: new Date(this.#now()).toISOString(), ...fields };
    this.#streams.stdout.write(`${JSON.stringify(line)}\n`);
  }
}

function describeStart({ source, target, databases, clockSkew, expiry }: StartEvent): object {
  const ends = { from: source.endpoint, to: target.endpoint, source: reportOf(source), target: reportOf(target) };
  return { ...ends, databases, clockSkew: clockSkew === null ? null : Math.round(clockSkew), expiry };
}

/** The endpoint stands beside it. */
function reportOf({ kind, keys, nodes }: SideReport): object {
  return { kind, keys, nodes };
}

/** @returns the figures, with `elapsed` in whole milliseconds */
function figuresOf({ keys, bytes, converted, skipped, expired, failed, reconnects, elapsed }: Figures): Figures {
  return { keys, bytes, converted, skipped, expired, failed, reconnects, elapsed: Math.round(elapsed) };
}

function describe(error: unknown): object {
  if (error instanceof RespError) return { code: error.code, message: error.message, hint: error.hint };
  return { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error) };
}
