// Lines in words for every way of showing a run but JSON: warnings, failed keys, differences, the summary, the error. Alone
// they are the output without progress.

import { escapeControls, shortKey } from '../../../resp/escapes.ts';
import { countOf, formatCount, formatDuration } from '../../../resp/figures.ts';
import { describeReconnect } from '../../server/retry.ts';
import type { Figures, KeyFailedEvent, LiveProgress, PartitionReport } from '../../sync/options.ts';
import type { CheckFigures, RecheckEvent, VerdictEvent } from '../../verify/options.ts';
import { showsDb, verdictLine } from './combined.ts';
import {
  Interrupted,
  isComplete,
  nameOfSignal,
  type Outcome,
  type Output,
  type OutputOptions,
  type RunEvent,
  type StopSignal,
  type Streams,
} from './output.ts';
import {
  describeDifferences,
  errorText,
  formatCheckSummary,
  formatSummary,
  preflightText,
  typeTable,
} from './texts.ts';

/** Where the lines of a report go, each with its newline. */
interface ReportSink {
  toStderr(text: string): void;
  /** The differences that a check has found. */
  toStdout(text: string): void;
}

const MOST_FAILED_KEYS = 20;
const MOST_RECONNECTS = 20;
/** On stderr; on stdout all are listed. */
const MOST_DIFFERENCES = 20;
/** Bytes of a key that are shown; a key may have millions. */
const LONGEST_KEY = 256;

const PHASES: Readonly<Partial<Record<LiveProgress['phase'], string>>> = {
  attaching: 'waiting for the source to let rump follow it',
  following: 'all that was there is copied; following what changes',
  'in-sync': 'in sync',
  cutover: 'cutting over',
  lingering: 'all is on the target; looking for whoever still writes',
};
const LINGERING_WITHOUT = 'all but what has failed is on the target; looking for whoever still writes';

class Report {
  readonly #sink: ReportSink;
  readonly #options: OutputOptions;
  /** Errors only. */
  readonly #isSilent: boolean;
  #failedKeys = 0;
  /** Those that are not in place since. */
  #failing = 0;
  #reconnects = 0;
  #figures: Figures | undefined;
  #checkFigures: CheckFigures | undefined;
  #differences = 0;
  #showsDb = false;
  readonly #phases = new Set<LiveProgress['phase']>();

  constructor(sink: ReportSink, options: OutputOptions, isSilent = false) {
    this.#sink = sink;
    this.#options = options;
    this.#isSilent = isSilent;
  }

  onEvent(event: RunEvent): void {
    switch (event.type) {
      case 'start':
        this.#showsDb = showsDb(event);
        if (this.#options.dryRun) for (const line of preflightText(event)) this.#say(line);
        if (event.partition !== undefined) this.#say(describePartition(event.partition));
        if (event.feed !== undefined) this.#say(`following by ${event.feed.kind}: ${event.feed.why}`);
        break;
      case 'phase':
        this.#onPhase(event.phase);
        break;
      case 'dry-run':
        for (const line of typeTable(event)) this.#say(line);
        break;
      case 'progress':
        this.#figures = event;
        break;
      case 'check-progress':
        this.#checkFigures = event;
        break;
      case 'verdict':
        if (event.verdict !== 'match') this.#onDifference(event);
        break;
      case 'recheck':
        this.#say(describeRecheck(event));
        break;
      case 'warning':
        this.#say(`warning: ${event.message}`);
        break;
      case 'reconnect':
        this.#reconnects++;
        if (this.#reconnects <= MOST_RECONNECTS) this.#say(describeReconnect(event));
        break;
      case 'key-failed':
        this.#failedKeys++;
        this.#failing++;
        if (this.#failedKeys <= MOST_FAILED_KEYS) this.#line(describeFailure(event));
        break;
      case 'key-recovered':
        this.#failing--;
        break;
      default:
    }
  }

  onInterrupt(signal: StopSignal): void {
    this.#say(`interrupted by ${nameOfSignal(signal)}; stopping (again to stop at once)`);
  }

  onCutover(): void {
    this.#say('Ctrl-C: the writers have stopped; cutting over (again to stop in place of that)');
  }

  finish(outcome: Outcome): void {
    const { dryRun, debug } = this.#options;
    const figures = 'result' in outcome ? outcome.result : this.#figures;
    this.#tellUntold(figures);
    // Where nothing was counted, the error is enough.
    const isTold = (counts: Figures | CheckFigures): boolean => !isNothing(counts) || !hasFailed(outcome);
    if (figures !== undefined && isTold(figures) && !dryRun && !('inspected' in outcome))
      this.#say(formatSummary(figures));
    const compared = ('check' in outcome ? outcome.check : undefined) ?? this.#checkFigures;
    if (compared !== undefined && isTold(compared)) this.#say(formatCheckSummary(compared));
    if ('result' in outcome && dryRun) this.#say('nothing was written, as --dry-run asks');
    if ('error' in outcome) this.#sink.toStderr(errorText(outcome.error, debug));
    else for (const fault of describeFaults(outcome)) this.#line(fault);
  }

  /** The number of events that were not shown one by one. */
  #tellUntold(figures: Figures | undefined): void {
    const lost = this.#reconnects - MOST_RECONNECTS;
    if (lost > 0) this.#say(`… and tried again ${lost === 1 ? 'once' : `${formatCount(lost)} times`} more`);
    const failed = this.#failedKeys - MOST_FAILED_KEYS;
    // Where the source was followed, they may be in place by now.
    const when = figures?.removed === undefined ? '' : ' on the way';
    if (failed > 0) this.#line(`… and ${countOf(failed, 'more key')} failed${when}`);
    const different = this.#differences - MOST_DIFFERENCES;
    if (different > 0 && this.#options.differences === 'stderr') {
      this.#line(`… and ${countOf(different, 'more key')} not the same on both sides`);
    }
  }

  #onDifference(event: VerdictEvent): void {
    this.#differences++;
    const { differences } = this.#options;
    const line = verdictLine(event, this.#showsDb);
    if (differences === 'stdout' && !this.#isSilent) this.#sink.toStdout(line);
    // The line is escaped already, but for its tab.
    if (differences === 'stderr' && this.#differences <= MOST_DIFFERENCES) this.#sink.toStderr(`rump: ${line}`);
  }

  /** Each is told once: a source that is written may be in sync now and then. */
  #onPhase(phase: LiveProgress['phase']): void {
    const words = PHASES[phase];
    if (words === undefined || this.#phases.has(phase)) return;
    this.#phases.add(phase);
    this.#say(phase === 'lingering' && this.#failing > 0 ? LINGERING_WITHOUT : words);
  }

  /** Not for errors: a silent run leaves it out. */
  #say(text: string): void {
    if (!this.#isSilent) this.#line(text);
  }

  /** Every text passes here, and is made safe for a terminal. */
  #line(text: string): void {
    this.#sink.toStderr(`rump: ${escapeControls(text)}\n`);
  }
}

/** The closing words; those of a copy are those of Rump 1.0. */
const COPIED = 'Sync done.\n';
const COMPARED = 'Both sides are equal.\n';

/** The closing words of a run that ended well, on stderr where stdout carries data. A dry run has none. */
function sayDone({ stdout, stderr }: Streams, { dryRun, stdoutTaken }: OutputOptions, outcome: Outcome): void {
  if (!isComplete(outcome) || dryRun || 'inspected' in outcome) return;
  const words = 'result' in outcome ? COPIED : COMPARED;
  if (stdoutTaken) stderr.write(`rump: ${words}`);
  else stdout.write(words);
}

/** Why a run that was not broken off did not end well: a line for each reason. */
export function describeFaults(outcome: Exclude<Outcome, { readonly error: unknown }>): string[] {
  const { failed = 0, stragglers = 0, doubtful = 0 } = 'result' in outcome ? outcome.result : {};
  const { check } = { check: undefined, ...outcome };
  const difference = check && describeDifferences(check);
  return [
    ...(failed > 0 ? [describeNotCopied(failed)] : []),
    ...(stragglers > 0 ? [describeStragglers(stragglers)] : []),
    ...(doubtful > 0 ? [describeDoubtful(doubtful)] : []),
    ...(difference === undefined ? [] : [difference]),
  ];
}

function hasFailed(outcome: Outcome): boolean {
  return 'error' in outcome && !(outcome.error instanceof Interrupted);
}

/** All figures are 0. */
function isNothing(figures: Figures | CheckFigures): boolean {
  const { elapsed: _, fraction: __, ...counts } = figures as Figures & { readonly fraction?: number };
  return Object.values(counts).every((count) => typeof count !== 'number' || count === 0);
}

function describeRecheck({ keys, round, rounds, pause }: RecheckEvent): string {
  const found = `${countOf(keys, 'key')} ${keys === 1 ? 'differs' : 'differ'} as yet`;
  return `${found}; looking again in ${formatDuration(pause)} (${round} of ${rounds})`;
}

function describeNotCopied(keys: number): string {
  return `${countOf(keys, 'key')} ${keys === 1 ? 'was' : 'were'} not copied`;
}

function describeStragglers(changes: number): string {
  return `the source was written after the cutover (${countOf(changes, 'change')}): stop whoever writes, and see with rump check whether both sides are the same`;
}

function describeDoubtful(keys: number): string {
  return `${countOf(keys, 'key')} of the target may be its own, and ${keys === 1 ? 'stays' : 'stay'}; --delete removes what the source does not have`;
}

/** `part 2 of 4: 5,461 slots of 2 primaries` */
function describePartition({ part, parts, slots, primaries }: PartitionReport): string {
  const nodes = primaries === 1 ? '1 primary' : `${formatCount(primaries)} primaries`;
  return `part ${part} of ${parts}: ${countOf(slots, 'slot')} of ${nodes}`;
}

function describeFailure({ key, db, reason }: KeyFailedEvent): string {
  return `key ${shortKey(key, LONGEST_KEY, '"')} in db ${db}: ${reason}`;
}

/** No progress: the closing words on stdout, and the report on stderr. A silent run prints errors only. */
export class PlainOutput implements Output {
  protected readonly streams: Streams;
  readonly #options: OutputOptions;
  readonly #isSilent: boolean;
  readonly #report: Report;

  constructor(streams: Streams, options: OutputOptions, isSilent = false) {
    this.streams = streams;
    this.#options = options;
    this.#isSilent = isSilent;
    const sink = { toStderr: (text: string) => this.toStderr(text), toStdout: (text: string) => this.toStdout(text) };
    this.#report = new Report(sink, options, isSilent);
  }

  onEvent(event: RunEvent): void {
    this.#report.onEvent(event);
  }

  onInterrupt(signal: StopSignal): void {
    this.#report.onInterrupt(signal);
  }

  onCutover(): void {
    this.#report.onCutover();
  }

  finish(outcome: Outcome): void {
    if (!this.#isSilent) sayDone(this.streams, this.#options, outcome);
    this.#report.finish(outcome);
  }

  protected toStderr(text: string): void {
    this.streams.stderr.write(text);
  }

  protected toStdout(text: string): void {
    this.streams.stdout.write(text);
  }
}
