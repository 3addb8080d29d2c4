// What goes to stderr in words: what a dry run found, warnings, what failed, the summary, the error. It knows no bar.

import type { Figures, KeyFailedEvent, ReconnectEvent } from '../sync/options.ts';
import type { CheckFigures, RecheckEvent, VerdictEvent } from '../verify/options.ts';
import { describeDifferences, formatCheckSummary } from './check-figures.ts';
import type { Combined } from './combined.ts';
import { errorText } from './error-text.ts';
import { escapeControls, escapeKey } from './escape.ts';
import { formatBytes, formatCount, formatDuration, formatKeys, formatSummary } from './figures.ts';
import { Interrupted, nameOfSignal, type StopSignal } from './interrupted.ts';
import type { Outcome } from './outcome.ts';
import type { RunEvent } from './output.ts';
import { preflightText } from './preflight-text.ts';
import { typeTable } from './type-table.ts';
import { verdictLine } from './verdict-line.ts';

export interface ReportOptions {
  /** Errors only. */
  readonly silent: boolean;
  readonly debug: boolean;
  /** The look at both sides is the result, and there is nothing to sum up. */
  readonly dryRun: boolean;
  readonly task?: 'copy' | 'check';
  readonly combined?: Combined | undefined;
}

const MOST_FAILED_KEYS = 20;
const MOST_RECONNECTS = 20;
/** Behind a copy; a check names them all. */
const MOST_DIFFERENCES = 20;
/** Bytes of a key that are shown; a key may have millions. */
const LONGEST_KEY = 256;

export class Report {
  readonly #write: (text: string) => void;
  readonly #options: ReportOptions;
  #failedKeys = 0;
  #reconnects = 0;
  readonly #print: (text: string) => void;
  #figures: Figures | undefined;
  #checkFigures: CheckFigures | undefined;
  #differences = 0;
  /** Whether there may be keys of several databases. */
  #showsDb = false;

  /**
   * @param write to stderr
   * @param print to stdout: the lines of a check
   */
  constructor(write: (text: string) => void, options: ReportOptions, print: (text: string) => void = () => {}) {
    this.#write = write;
    this.#options = options;
    this.#print = print;
  }

  onEvent(event: RunEvent): void {
    const { silent, dryRun } = this.#options;
    switch (event.type) {
      case 'start':
        this.#showsDb = event.databases.length !== 1;
        if (dryRun && !silent) this.#lines(preflightText(event));
        break;
      case 'dry-run':
        if (!silent) this.#lines(typeTable(event));
        break;
      case 'progress':
        this.#figures = event;
        break;
      case 'check-progress':
        this.#checkFigures = event;
        break;
      case 'verdict':
        this.#tellVerdict(event);
        break;
      case 'recheck':
        if (!silent) this.#line(describeRecheck(event));
        break;
      case 'warning':
        if (!silent) this.#line(`warning: ${event.message}`);
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
    if (lost > 0 && !silent) this.#line(`… and tried again ${lost === 1 ? 'once' : `${formatCount(lost)} times`} more`);
    const untold = this.#failedKeys - MOST_FAILED_KEYS;
    if (untold > 0) this.#line(`… and ${formatKeys(untold).replace(' ', ' more ')} failed`);
    const undescribed = this.#differences - MOST_DIFFERENCES;
    if (undescribed > 0 && this.#options.task !== 'check') {
      this.#line(`… and ${formatKeys(undescribed).replace(' ', ' more ')} not the same on both sides`);
    }
    const figures = 'result' in outcome ? outcome.result : this.#figures;
    // An error says it all where nothing had come to be counted.
    const isTold = (counts: Figures | CheckFigures): boolean => !isNothing(counts) || !hasFailed(outcome);
    if (figures !== undefined && isTold(figures) && !silent && !dryRun) this.#line(formatSummary(figures));
    const compared = ('check' in outcome ? outcome.check : undefined) ?? this.#checkFigures;
    if (compared !== undefined && isTold(compared) && !silent) this.#line(formatCheckSummary(compared));
    if ('result' in outcome && dryRun && !silent) this.#line('nothing was written, as --dry-run asks');
    if ('error' in outcome) this.#write(errorText(outcome.error, debug));
    else this.#lines(describeFaults(outcome));
  }

  #tellVerdict(event: VerdictEvent): void {
    const { silent, task, combined } = this.#options;
    const line = verdictLine(event, this.#showsDb);
    combined?.add(line);
    if (event.verdict === 'match') return;
    this.#differences++;
    if (task === 'check') {
      if (!silent && combined?.isStdout !== true) this.#print(line);
    } else if (this.#differences <= MOST_DIFFERENCES) {
      // It is escaped, but for the tab.
      this.#write(`rump: ${line}`);
    }
  }

  #lines(texts: readonly string[]): void {
    for (const text of texts) this.#line(text);
  }

  /** The border at which what others said becomes fit for a terminal. */
  #line(text: string): void {
    this.#write(`rump: ${escapeControls(text)}\n`);
  }
}

/** Why a run that came to its end has not ended well: nothing, or a line for each reason. */
export function describeFaults(outcome: Exclude<Outcome, { readonly error: unknown }>): string[] {
  const failed = 'result' in outcome ? outcome.result.failed : 0;
  const difference = outcome.check === undefined ? undefined : describeDifferences(outcome.check);
  return [...(failed > 0 ? [describeNotCopied(failed)] : []), ...(difference === undefined ? [] : [difference])];
}

function hasFailed(outcome: Outcome): boolean {
  return 'error' in outcome && !(outcome.error instanceof Interrupted);
}

/** Figures that say no more than that nothing was done. */
function isNothing(figures: Figures | CheckFigures): boolean {
  const { elapsed: _, fraction: __, ...counts } = figures as Figures & { readonly fraction?: number };
  return Object.values(counts).every((count) => typeof count !== 'number' || count === 0);
}

function describeRecheck({ keys, round, rounds, pause }: RecheckEvent): string {
  const found = `${formatKeys(keys)} ${keys === 1 ? 'differs' : 'differ'} as yet`;
  return `${found}; looking again in ${formatDuration(pause)} (${round} of ${rounds})`;
}

function describeNotCopied(keys: number): string {
  return `${formatKeys(keys)} ${keys === 1 ? 'was' : 'were'} not copied`;
}

function describeReconnect({ side, address, reason, refused, pause, attempt, retries }: ReconnectEvent): string {
  const what = refused ? 'waiting for' : 'lost';
  const lost = `${what} the ${side} ${address}: ${reason}`;
  return `${lost}; trying again in ${formatDuration(pause)} (${attempt} of ${retries})`;
}

function describeFailure({ key, db, reason }: KeyFailedEvent): string {
  const shown = escapeKey(key.subarray(0, LONGEST_KEY));
  const rest = key.length > LONGEST_KEY ? `… (${formatBytes(key.length)})` : '';
  return `key "${shown}"${rest} in db ${db}: ${reason}`;
}
