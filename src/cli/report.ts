// What goes to stderr in words: what a dry run found, warnings, what failed, the summary, the error. It knows no bar.

import type { Figures, KeyFailedEvent, MigrateEvent, ReconnectEvent } from '../sync/options.ts';
import { errorText } from './error-text.ts';
import { escapeControls, escapeKey } from './escape.ts';
import { formatCount, formatDuration, formatKeys, formatSummary } from './figures.ts';
import { nameOfSignal, type StopSignal } from './interrupted.ts';
import type { Outcome } from './outcome.ts';
import { preflightText } from './preflight-text.ts';
import { typeTable } from './type-table.ts';

export interface ReportOptions {
  /** Errors only. */
  readonly silent: boolean;
  readonly debug: boolean;
  /** The look at both sides is the result, and there is nothing to sum up. */
  readonly dryRun: boolean;
}

const MOST_FAILED_KEYS = 20;
const MOST_RECONNECTS = 20;
/** Bytes of a key that are shown; a key may have millions. */
const LONGEST_KEY = 256;

export class Report {
  readonly #write: (text: string) => void;
  readonly #options: ReportOptions;
  #failedKeys = 0;
  #reconnects = 0;
  #figures: Figures | undefined;

  constructor(write: (text: string) => void, options: ReportOptions) {
    this.#write = write;
    this.#options = options;
  }

  onEvent(event: MigrateEvent): void {
    const { silent, dryRun } = this.#options;
    switch (event.type) {
      case 'start':
        if (dryRun && !silent) this.#lines(preflightText(event));
        break;
      case 'dry-run':
        if (!silent) this.#lines(typeTable(event));
        break;
      case 'progress':
        this.#figures = event;
        break;
      case 'warning':
        if (!silent) this.#line(`warning: ${escapeControls(event.message)}`);
        break;
      case 'reconnect':
        this.#reconnects++;
        if (this.#reconnects <= MOST_RECONNECTS && !silent) this.#line(describeReconnect(event));
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
    const { silent, dryRun, debug } = this.#options;
    const lost = this.#reconnects - MOST_RECONNECTS;
    if (lost > 0 && !silent)
      this.#line(`… and lost a connection ${lost === 1 ? 'once' : `${formatCount(lost)} times`} more`);
    const untold = this.#failedKeys - MOST_FAILED_KEYS;
    if (untold > 0) this.#line(`… and ${formatKeys(untold).replace(' ', ' more ')} failed`);
    const figures = 'result' in outcome ? outcome.result : this.#figures;
    if (figures !== undefined && !silent && !dryRun) this.#line(formatSummary(figures));
    if ('result' in outcome && dryRun && !silent) this.#line('nothing was written, as --dry-run asks');
    if ('error' in outcome) this.#write(errorText(outcome.error, debug));
    else if (outcome.result.failed > 0) this.#line(describeNotCopied(outcome.result.failed));
  }

  #lines(texts: readonly string[]): void {
    for (const text of texts) this.#line(text);
  }

  #line(text: string): void {
    this.#write(`rump: ${text}\n`);
  }
}

export function describeNotCopied(keys: number): string {
  return `${formatKeys(keys)} ${keys === 1 ? 'was' : 'were'} not copied`;
}

function describeReconnect({ side, address, reason, pause, attempt, retries }: ReconnectEvent): string {
  const lost = `lost the ${side} ${escapeControls(address)}: ${escapeControls(reason)}`;
  return `${lost}; trying again in ${formatDuration(pause)} (${attempt} of ${retries})`;
}

function describeFailure({ key, db, reason }: KeyFailedEvent): string {
  const shown = escapeKey(key.subarray(0, LONGEST_KEY));
  const rest = key.length > LONGEST_KEY ? `… (${key.length} bytes)` : '';
  return `key "${shown}"${rest} in db ${db}: ${escapeControls(reason)}`;
}
