// How far several runs are: a line each and one for the whole, or all of it as JSON.

import { escapeControls, escapeJson } from '../../resp/escapes.ts';
import { countOf, formatBytes, formatCount } from '../../resp/figures.ts';
import type { StatusReport } from '../sync/controls.ts';
import { haveOnePlan, missingParts, missingText, type RunStatus } from './control-group.ts';

/** What several runs have done together. */
interface Whole {
  readonly runs: number;
  /** Sockets whose run does not answer. */
  readonly lost: number;
  /** Parts of a cluster that none of the runs copies. */
  readonly missing: readonly string[];
  readonly onePlan: boolean;
  readonly keys: number;
  readonly bytes: number;
  readonly skipped: number;
  readonly expired: number;
  readonly failed: number;
  readonly keysPerSecond: number;
  readonly bytesPerSecond: number;
  /** The largest one, in milliseconds; `null` where it is not known of all that follow their source. */
  readonly lag: number | null;
  readonly allInSync: boolean;
}

const WHOLE = 'all';

export function groupStatusText(runs: readonly RunStatus[]): string {
  const rows = runs.map((run) => {
    const cells = [run.socket, 'error' in run ? `lost: ${run.error.message}` : lineOf(run.status)];
    // Whoever may write in the folder chooses its names: none of them is a line of its own.
    return cells.map(escapeControls);
  });
  const width = Math.max(WHOLE.length, ...rows.map(([socket]) => socket!.length));
  return [...rows, [WHOLE, lineOfWhole(wholeOf(runs))]]
    .map(([name, line]) => `${name!.padEnd(width)}  ${line}\n`)
    .join('');
}

export function groupStatusJson(runs: readonly RunStatus[]): string {
  const each = runs.map((run) => {
    if ('status' in run) return { socket: run.socket, ...run.status };
    const { socket, error } = run;
    return { socket, error: { code: error.code, message: error.message } };
  });
  return `${escapeJson(JSON.stringify({ ...wholeOf(runs), each }))}\n`;
}

function wholeOf(runs: readonly RunStatus[]): Whole {
  const missing = missingParts(runs);
  const onePlan = haveOnePlan(runs);
  const statuses = runs.flatMap((run) => ('status' in run ? [run.status] : []));
  const sum = (figure: 'keys' | 'bytes' | 'skipped' | 'expired' | 'failed' | 'keysPerSecond' | 'bytesPerSecond') =>
    statuses.reduce((total, status) => total + status[figure], 0);
  const lags = statuses.filter(({ live }) => live).map(({ lag }) => lag ?? null);
  return {
    runs: statuses.length,
    lost: runs.length - statuses.length,
    missing,
    onePlan,
    keys: sum('keys'),
    bytes: sum('bytes'),
    skipped: sum('skipped'),
    expired: sum('expired'),
    failed: sum('failed'),
    keysPerSecond: sum('keysPerSecond'),
    bytesPerSecond: sum('bytesPerSecond'),
    lag: lags.length === 0 || lags.includes(null) ? null : Math.max(...(lags as number[])),
    allInSync:
      missing.length === 0 &&
      onePlan &&
      statuses.length === runs.length &&
      statuses.every(({ phase, paused }) => phase === 'in-sync' && !paused),
  };
}

function lineOf(status: StatusReport): string {
  const { phase, paused, partition, fraction, live, lag, behind } = status;
  // Rounded down: 100 % means done.
  const done = phase === 'copying' || phase === 'comparing' ? ` ${Math.floor(fraction * 100)} %` : '';
  const following = live && behind !== undefined ? [`${countOf(behind, 'key')} behind`, lagText(lag ?? null)] : [];
  const part = partition === null ? [] : [`part ${partition}`];
  return [...part, `${phase}${done}${paused ? ', paused' : ''}`, ...figuresOf(status), ...following].join(', ');
}

function lineOfWhole(whole: Whole): string {
  const { runs, lost, missing, onePlan, lag, allInSync } = whole;
  const lags = lag === null ? [] : [`largest ${lagText(lag)}`];
  const gone = lost === 0 ? [] : [`${formatCount(lost)} lost`];
  const absent = missing.length === 0 ? [] : [missingText(missing)];
  return [
    countOf(runs, 'run'),
    ...gone,
    ...absent,
    ...(onePlan ? [] : ['different plans']),
    ...figuresOf(whole),
    ...lags,
    ...(allInSync ? ['all in sync'] : []),
  ].join(', ');
}

function figuresOf({ keys, bytes, failed, keysPerSecond }: Pick<Whole, 'keys' | 'bytes' | 'failed' | 'keysPerSecond'>) {
  return [
    countOf(keys, 'key'),
    formatBytes(bytes),
    `${formatCount(keysPerSecond)} keys/s`,
    `${formatCount(failed)} failed`,
  ];
}

function lagText(lag: number | null): string {
  return lag === null ? 'lag unknown' : `lag ${(lag / 1000).toFixed(1)} s`;
}
