// The figures of a run in the text format of Prometheus, by its conventions for names and units.

import type { RunState } from './run-state.ts';

interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Of a response, by its version of the format. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const PREFIX = 'rump_';
const PHASES: readonly RunState['phase'][] = [
  'starting',
  'attaching',
  'copying',
  'following',
  'in-sync',
  'cutover',
  'lingering',
  'checking',
  'done',
  'failed',
];
const VERDICTS = {
  match: 'match',
  differ: 'differ',
  source_only: 'sourceOnly',
  target_only: 'targetOnly',
  not_comparable: 'notComparable',
  expired: 'expired',
  gone: 'gone',
  failed: 'failed',
} as const;

export interface MetricsOptions {
  /** Milliseconds since 1970 at which a run has succeeded last: this one, or one before it. */
  readonly succeededAt?: number | undefined;
  /** Which run it is, where several are read at one place: a label of each sample. */
  readonly run?: string | undefined;
}

/** Ends with a newline. What is not known yet is left out. */
export function metricsText(state: RunState, { succeededAt, run }: MetricsOptions = {}): string {
  const families = [
    ...aboutRun(state),
    ...aboutKeys(state),
    ...aboutSource(state),
    ...aboutCheck(state),
    ...aboutEnd(state, succeededAt),
    ...aboutProcess(),
  ];
  const labels = run === undefined ? {} : { run };
  return families.map((family) => familyText(family, labels)).join('');
}

function aboutRun(state: RunState): Family[] {
  const { version, command, source, target, startedAt, lastProgressAt, fraction, reconnects, warnings } = state;
  const ends = { source: source?.endpoint ?? '', target: target?.endpoint ?? '' };
  const build = { version, node: process.versions.node };
  return [
    gauge('build_info', 'The version of rump, and of Node, that runs.', 1, build),
    gauge('run_info', 'What runs, and between which endpoints, once they were reached.', 1, { command, ...ends }),
    gauge('start_timestamp_seconds', 'When the run began.', seconds(startedAt)),
    {
      name: 'phase',
      type: 'gauge',
      help: 'The phase of the run: 1 for the one that it is in.',
      samples: PHASES.map((phase) => ({ labels: { phase }, value: phase === state.phase ? 1 : 0 })),
    },
    gauge('paused', 'Whether the run was told to pause.', state.paused ? 1 : 0),
    gauge('completion_ratio', 'What is done of that which was there at the beginning, 0 to 1.', fraction),
    gauge(
      'last_progress_timestamp_seconds',
      'When a reply was acknowledged last, or a phase began.',
      seconds(lastProgressAt),
    ),
    counter('reconnects_total', 'Connections that were lost and opened again.', reconnects),
    {
      name: 'warnings_total',
      type: 'counter',
      help: 'Warnings, by their code.',
      samples: Object.entries(warnings).map(([code, value]) => ({ labels: { code }, value })),
    },
  ];
}

function aboutKeys({ figures, command }: RunState): Family[] {
  if (command === 'check') return [];
  const { keys, bytes, converted, skipped, removed, expired, failed } = figures;
  return [
    counter('keys_copied_total', 'Keys that the target has acknowledged.', keys),
    counter('bytes_copied_total', 'Bytes of keys and payloads that the target has acknowledged.', bytes),
    counter(
      'keys_converted_total',
      'Keys that were given another form, as the target reads no payloads of theirs.',
      converted,
    ),
    counter('keys_skipped_total', 'Keys that the target already had.', skipped),
    counter('keys_removed_total', 'Keys that were removed at the target, as the source has them no more.', removed),
    counter('keys_expired_total', 'Keys that expired or were deleted on the way.', expired),
    gauge('keys_failed', 'Keys that failed, and have not fared better since.', failed),
  ];
}

function aboutSource({ source, live, latency, clockSkew }: RunState): Family[] {
  const isCounted = source !== undefined && source.kind !== 'file';
  return [
    gauge(
      'source_keys',
      'Keys of the source in the databases in question, at the beginning.',
      isCounted ? source.keys : null,
    ),
    gauge('source_latency_seconds', 'What the source took for the latest reply that was measured.', seconds(latency)),
    gauge('clock_skew_seconds', 'How far the clocks of both sides are apart.', seconds(clockSkew)),
    gauge('keys_behind', 'Keys that have changed at the source and are not on the target yet.', live?.behind),
    gauge('lag_seconds', 'How far the target is behind the source, as measured last.', seconds(live?.lag)),
  ];
}

function aboutCheck({ check }: RunState): Family[] {
  if (check === undefined) return [];
  const { figures } = check;
  return [
    {
      name: 'check_keys',
      type: 'gauge',
      help: 'Keys that were compared, by what was found of them.',
      samples: Object.entries(VERDICTS).map(([verdict, name]) => ({ labels: { verdict }, value: figures[name] })),
    },
    counter('bytes_compared_total', 'Bytes of keys and payloads that were compared.', figures.bytes),
  ];
}

function aboutEnd({ outcome, updatedAt }: RunState, succeededAt: number | undefined): Family[] {
  const endedAt = outcome === undefined ? undefined : updatedAt;
  return [
    gauge('exit_code', 'The exit code of the run, once it has ended.', outcome?.exitCode),
    gauge('end_timestamp_seconds', 'When the run ended.', seconds(endedAt)),
    gauge(
      'success_timestamp_seconds',
      'When a run has ended with exit code 0 last, dry runs aside.',
      seconds(succeededAt),
    ),
  ];
}

/** Under names of our own: those of the process itself are taken where a collector reads the text of others. */
function aboutProcess(): Family[] {
  const { user, system } = process.cpuUsage();
  return [
    counter('cpu_seconds_total', 'Processor time that rump has taken.', (user + system) / 1e6),
    gauge('resident_memory_bytes', 'Memory that rump takes.', process.memoryUsage.rss()),
  ];
}

function gauge(name: string, help: string, value: Known, labels?: Sample['labels']): Family {
  return { name, type: 'gauge', help, samples: samplesOf(value, labels) };
}

function counter(name: string, help: string, value: Known): Family {
  return { name, type: 'counter', help, samples: samplesOf(value) };
}

type Known = number | null | undefined;

function samplesOf(value: Known, labels: Sample['labels'] = {}): Sample[] {
  return value === undefined || value === null ? [] : [{ value, labels }];
}

function seconds(ms: Known): Known {
  return ms === undefined || ms === null ? ms : ms / 1000;
}

function familyText({ name, type, help, samples }: Family, common: Readonly<Record<string, string>>): string {
  if (samples.length === 0) return '';
  const full = PREFIX + name;
  const lines = samples.map(({ labels, value }) => `${full}${labelsText({ ...common, ...labels })} ${value}\n`);
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join('')}`;
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
