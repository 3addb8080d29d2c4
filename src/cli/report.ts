// What goes to stderr in words: warnings, failed keys, the summary, the error. It knows no bar and no dots.

import type { Figures, KeyFailedEvent, MigrateEvent } from '../sync/options.ts';
import { errorText } from './error-text.ts';
import { escapeControls, escapeKey } from './escape.ts';
import { formatKeys, formatSummary } from './figures.ts';
import { nameOfSignal, type StopSignal } from './interrupted.ts';
import type { Outcome } from './outcome.ts';

export interface ReportOptions {
  /** Errors only. */
  readonly silent: boolean;
  readonly debug: boolean;
}

const MOST_FAILED_KEYS = 20;
/** Bytes of a key that are shown; a key may have millions. */
const LONGEST_KEY = 256;

export class Report {
  readonly #write: (text: string) => void;
  readonly #options: ReportOptions;
  #failedKeys = 0;
  #figures: Figures | undefined;

  constructor(write: (text: string) => void, options: ReportOptions) {
    this.#write = write;
    this.#options = options;
  }

  onEvent(event: MigrateEvent): void {
    switch (event.type) {
      case 'progress':
        this.#figures = event;
        break;
      case 'warning':
        if (!this.#options.silent) this.#line(`warning: ${escapeControls(event.message)}`);
        break;
      case 'key-failed':
        this.#failedKeys++;
        if (this.#failedKeys <= MOST_FAILED_KEYS) this.#line(describeFailure(event));
        break;
      default:
    }
  }

  onInterrupt(signal: StopSignal): void {
    if (!this.#options.silent) this.#line(`interrupted by ${nameOfSignal(signal)}; stopping (again to stop at once)`);
  }

  finish(outcome: Outcome): void {
    const untold = this.#failedKeys - MOST_FAILED_KEYS;
    if (untold > 0) this.#line(`… and ${formatKeys(untold).replace(' ', ' more ')} failed`);
    const figures = 'result' in outcome ? outcome.result : this.#figures;
    if (figures !== undefined && !this.#options.silent) this.#line(formatSummary(figures));
    if ('error' in outcome) this.#write(errorText(outcome.error, this.#options.debug));
    else if (outcome.result.failed > 0) this.#line(describeNotCopied(outcome.result.failed));
  }

  #line(text: string): void {
    this.#write(`rump: ${text}\n`);
  }
}

export function describeNotCopied(keys: number): string {
  return `${formatKeys(keys)} ${keys === 1 ? 'was' : 'were'} not copied`;
}

function describeFailure({ key, db, reason }: KeyFailedEvent): string {
  const shown = escapeKey(key.subarray(0, LONGEST_KEY));
  const rest = key.length > LONGEST_KEY ? `… (${key.length} bytes)` : '';
  return `key "${shown}"${rest} in db ${db}: ${escapeControls(reason)}`;
}
