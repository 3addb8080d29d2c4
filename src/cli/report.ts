// rump report: the logs of several workers as one account, with the exit code of the whole.

import { escapeControls, escapeJson } from '../../resp/escapes.ts';
import { countOf, formatBytes, formatCount, formatDuration } from '../../resp/figures.ts';
import type { Program, Request } from './command.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { UsageError } from './flags/kinds.ts';
import { refuseOutputIntoFile } from './flags/read-files.ts';
import type { FailedKey, Told } from './run-attempt.ts';
import { RunLogs, type LoggedRun, type MergedLogs, type Overlap } from './run-logs.ts';
import { differencesOfSides } from './run-sides.ts';
import { alignColumns, formatRate } from './show/texts.ts';

const FIGURES = ['keys', 'bytes', 'converted', 'removed', 'skipped', 'expired', 'failed', 'reconnects'] as const;
const CHECKED = ['match', 'differ', 'sourceOnly', 'targetOnly', 'notComparable'] as const;
const LINES_OF_TEXT = ['part', 'outcome', 'keys', 'bytes', 'failed', 'time', 'rate'];

export async function runReport({ operands, values }: Request, program: Program): Promise<ExitCode> {
  if (operands.length === 0) throw new UsageError('Cannot report on nothing', 'write rump report FILE...');
  for (const file of operands) refuseOutputIntoFile(file);
  const logs = new RunLogs();
  for (const file of new Set(operands)) await logs.read(file);
  const merged = logs.merged();
  const account = accountOf(merged);
  if (values.json === true) program.stdout.write(`${escapeJson(JSON.stringify(account))}\n`);
  else tell(merged, account, program);
  return account.exitCode;
}

type Sums = Readonly<Record<(typeof FIGURES)[number], number>>;

interface Account {
  readonly complete: boolean;
  readonly exitCode: ExitCode;
  readonly parts: number | null;
  readonly missing: readonly string[];
  readonly sums: Sums;
  /** Of all checks together; `null` without one. */
  readonly checked: Readonly<Record<(typeof CHECKED)[number], number>> | null;
  /** Milliseconds from the first line to the last one of the runs that count. */
  readonly elapsed: number;
  readonly slowest: string | null;
  readonly runs: readonly object[];
  readonly warnings: readonly (Told & { readonly runs: readonly string[] })[];
  readonly lostConnections: readonly (Told & { readonly runs: readonly string[] })[];
  readonly failedKeys: readonly (FailedKey & { readonly run: string })[];
  /** Parts that two workers had at the same time. */
  readonly overlaps: readonly Overlap[];
  /** Why the whole is not complete. */
  readonly faults: readonly string[];
}

function accountOf(merged: MergedLogs): Account {
  const { runs } = merged;
  const faults = faultsOf(merged);
  const begins = runs.map(({ attempt }) => attempt.beganAt);
  const elapsed = runs.length === 0 ? 0 : Math.max(...runs.map(({ attempt }) => attempt.lastAt)) - Math.min(...begins);
  const slowest = runs.toSorted((one, other) => timeOf(other) - timeOf(one))[0];
  return {
    complete: faults.length === 0,
    exitCode: exitCodeOfAll(merged, faults),
    parts: merged.counts.length === 1 ? merged.counts[0]! : null,
    missing: merged.missing,
    sums: sumsOf(FIGURES, runs, ({ attempt: { copied, compared } }) => ({
      ...copied,
      reconnects: (copied?.reconnects ?? 0) + (compared?.reconnects ?? 0),
    })),
    checked: runs.some(({ attempt }) => attempt.compared !== undefined)
      ? sumsOf(CHECKED, runs, ({ attempt }) => attempt.compared)
      : null,
    elapsed,
    slowest: slowest?.name ?? null,
    runs: runs.map(describe),
    warnings: together(runs, ({ attempt }) => attempt.warnings),
    lostConnections: together(runs, ({ attempt }) => attempt.losses),
    failedKeys: runs.flatMap(({ name, attempt }) =>
      Array.from(attempt.failedKeys.values(), (key) => ({ run: name, ...key })),
    ),
    overlaps: merged.overlaps,
    faults,
  };
}

function exitCodeOfAll({ runs }: MergedLogs, faults: readonly string[]): ExitCode {
  if (faults.length === 0) return EXIT_CODES.done;
  // Each fault is one of a run, and what is wrong with each of these is that both sides differ.
  const different = runs.filter(({ attempt }) => attempt.isDifferent).length;
  return faults.length === different ? EXIT_CODES.different : EXIT_CODES.failed;
}

function faultsOf({ runs, counts, plans, missing, missingCount, others }: MergedLogs): string[] {
  const faults = runs.flatMap(({ name, file, attempt }) =>
    attempt.fault === undefined ? [] : [`${name === file ? name : `part ${name} (${file})`}: ${attempt.fault}`],
  );
  if (missingCount > 0) {
    const rest = missingCount > missing.length ? ` and ${formatCount(missingCount - missing.length)} more` : '';
    faults.push(`no log has ${missingCount === 1 ? 'part' : 'parts'} ${missing.join(', ')}${rest}`);
  }
  if (counts.length > 1) faults.push(`the logs do not belong together: they are of ${counts.join(', ')} parts`);
  else if (plans > 1) faults.push('the logs do not belong together: they are of different plans');
  faults.push(...differencesOfSides(runs));
  // Where all parts are known to be there, a file of something else is none of them.
  const areAllKnown = counts.length > 0 && runs.every(({ part }) => part !== undefined);
  if (!areAllKnown) faults.push(...others.map((file) => `${file} tells of no run`));
  return faults;
}

function describe({ name, file, attempt, earlier }: LoggedRun): object {
  const { copied, compared, exitCode = null, fault = null, error, from, to } = attempt;
  const elapsed = timeOf({ attempt });
  const figures = { copied: copied ?? null, checked: compared ?? null };
  return {
    run: name,
    file,
    complete: fault === null,
    fault,
    exitCode,
    code: error?.code,
    from,
    to,
    earlier,
    elapsed,
    ...figures,
  };
}

function timeOf({ attempt: { copied, compared, beganAt, lastAt } }: Pick<LoggedRun, 'attempt'>): number {
  const told = (copied?.elapsed ?? 0) + (compared?.elapsed ?? 0);
  return told > 0 ? told : lastAt - beganAt;
}

function sumsOf<Name extends string>(
  names: readonly Name[],
  runs: readonly LoggedRun[],
  figuresOf: (run: LoggedRun) => { readonly [name in Name]?: number | undefined } | undefined,
): Record<Name, number> {
  const sums = names.map((name) => [name, runs.reduce((sum, run) => sum + (figuresOf(run)?.[name] ?? 0), 0)] as const);
  return Object.fromEntries(sums) as Record<Name, number>;
}

/** What several runs have told of under one code. */
function together(
  runs: readonly LoggedRun[],
  toldBy: (run: LoggedRun) => ReadonlyMap<string, Told>,
): (Told & { runs: string[] })[] {
  const all = new Map<string, Told & { runs: string[] }>();
  for (const run of runs) {
    for (const [code, told] of toldBy(run)) {
      const known = all.get(code) ?? { ...told, count: 0, runs: [] };
      known.count += told.count;
      known.runs.push(run.name);
      all.set(code, known);
    }
  }
  return [...all.values()];
}

/** The account goes to stdout, and what is wrong to stderr. */
function tell(merged: MergedLogs, account: Account, { stdout, stderr }: Program): void {
  const { sums, elapsed, faults, warnings, lostConnections, failedKeys } = account;
  const rows = merged.runs.map(rowOf);
  const whole = ['all', account.complete ? 'complete' : 'not complete', ...cellsOf(sums, elapsed)];
  const lines = alignColumns([LINES_OF_TEXT, ...rows, whole], [2, 3, 4, 5, 6]);
  if (merged.runs.length > 1) lines.push(`slowest: ${slowestText(merged.runs)}`);
  if (account.checked !== null) lines.push(checkedText(account.checked));
  for (const { code, message, count, runs } of warnings)
    lines.push(`warning ${code}, ${countOf(count, 'time')} (${shortList(runs)}): ${message}`);
  for (const { code, message, count, runs } of lostConnections)
    lines.push(`lost ${countOf(count, 'connection')}, ${code} (${shortList(runs)}): ${message}`);
  for (const { run, db, key, code, reason } of failedKeys)
    lines.push(`failed (${run}): "${key}" of db ${db}: ${withCode(code, reason)}`);
  if (sums.failed > failedKeys.length && failedKeys.length > 0)
    lines.push(`… and ${formatCount(sums.failed - failedKeys.length)} more`);
  stdout.write(lines.map((line) => `${escapeControls(line)}\n`).join(''));
  const notes =
    merged.strange > 0
      ? [
          `${countOf(merged.strange, 'line')} of the files ${merged.strange === 1 ? 'is no event' : 'are no events'} of rump`,
        ]
      : [];
  const told = faults.some((fault) => fault.endsWith(' tells of no run'));
  const others = told ? [] : merged.others.map((file) => `${file} tells of no run`);
  const twice = merged.overlaps.map(({ run, files, complete }) => {
    const end = complete
      ? 'each of them has copied all of it, so nothing is lost by that'
      : 'not both came to their end; rump check says whether the part is the same on both sides';
    return `two workers had part ${run} at the same time: ${files.join(' and ')}: ${end}`;
  });
  for (const line of [...notes, ...others, ...twice]) stderr.write(`rump: warning: ${escapeControls(line)}\n`);
  for (const fault of faults) stderr.write(`rump: ${escapeControls(fault)}\n`);
}

/** The error of a server begins with its code already. */
function withCode(code: string, reason: string): string {
  return reason.startsWith(code) ? reason : `${code} ${reason}`;
}

function rowOf(run: LoggedRun): string[] {
  const { attempt } = run;
  const outcome = attempt.fault === undefined ? 'complete' : attempt.isDifferent ? 'differs' : 'not complete';
  const copied = attempt.copied ?? { keys: 0, bytes: 0, failed: 0 };
  return [run.name, outcome, ...cellsOf(copied, timeOf(run))];
}

function cellsOf({ keys, bytes, failed }: Pick<Sums, 'keys' | 'bytes' | 'failed'>, elapsed: number): string[] {
  return [
    formatCount(keys),
    formatBytes(bytes),
    formatCount(failed),
    formatDuration(elapsed),
    formatRate(keys, elapsed),
  ];
}

function slowestText(runs: readonly LoggedRun[]): string {
  const times = runs.map(timeOf).toSorted((one, other) => one - other);
  const slowest = runs.find((run) => timeOf(run) === times.at(-1))!;
  return `${slowest.name}, ${formatDuration(times.at(-1)!)} (the fastest ${formatDuration(times[0]!)})`;
}

function checkedText({
  match,
  differ,
  sourceOnly,
  targetOnly,
  notComparable,
}: NonNullable<Account['checked']>): string {
  const equal = [`compared: ${formatCount(match)} equal`, `${formatCount(differ)} differ`];
  const single = [`${formatCount(sourceOnly)} only at the source`, `${formatCount(targetOnly)} only at the target`];
  return [...equal, ...single, `${formatCount(notComparable)} not comparable`].join(', ');
}

const MOST_NAMES = 8;

function shortList(names: readonly string[]): string {
  const rest = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  return names.slice(0, MOST_NAMES).join(', ') + rest;
}
