// The figures of a run as Prometheus reads them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metricsText } from '../../../src/report/metrics-text.ts';
import { RunRecord } from '../../../src/report/run-record.ts';
import type { RunState } from '../../../src/report/run-state.ts';
import { readMetrics, valueOf } from '../../support/prometheus.ts';
import { DONE, keyFailed, progress, reconnect, START } from '../../cli/show/events.ts';

const CHECKED = {
  match: 5,
  differ: 1,
  sourceOnly: 2,
  targetOnly: 3,
  notComparable: 0,
  expired: 0,
  gone: 0,
  failed: 0,
  bytes: 999,
  reconnects: 4,
  elapsed: 100,
};
const AT = 1_700_000_000_500;

function recordOf(command: RunState['command'] = 'copy', now = () => AT): RunRecord {
  return new RunRecord({ version: '1.2.3', command }, now);
}

test('metricsText() has what is known of a run from its beginning, and leaves out the rest', () => {
  const metrics = readMetrics(metricsText(recordOf().state));
  const { samples } = metrics.get('rump_build_info')!;
  assert.deepEqual(samples, [{ labels: { version: '1.2.3', node: process.versions.node }, value: 1 }]);
  assert.equal(valueOf(metrics, 'rump_start_timestamp_seconds'), 1_700_000_000.5);
  assert.equal(valueOf(metrics, 'rump_keys_copied_total'), 0);
  for (const name of [
    'lag_seconds',
    'keys_behind',
    'source_latency_seconds',
    'completion_ratio',
    'exit_code',
    'check_keys',
  ])
    assert.ok(!metrics.has(`rump_${name}`), name);
});

test('metricsText() has the figures of a copy, each phase, and what went wrong', () => {
  let now = AT;
  const record = recordOf('copy', () => now);
  const endpoint = 'unix:///a"b\\c\nd';
  record.onEvent({ ...START, source: { ...START.source, endpoint }, feed: { kind: 'psync', why: '' } });
  record.onEvent(reconnect());
  record.onEvent({ type: 'warning', code: 'CLOCK_SKEW', message: '' });
  record.onEvent({ type: 'warning', code: 'GAP', message: '' });
  record.onEvent({ type: 'warning', code: 'GAP', message: '' });
  record.onEvent(keyFailed('a'));
  record.onEvent({ type: 'phase', phase: 'in-sync' });
  now += 1000;
  const live = { phase: 'in-sync', behind: 12, lag: 250 } as const;
  record.onEvent({ ...progress(0.5, { ...DONE, removed: 7, failed: 1 }), live });
  now += 1000;
  record.onEvent({ ...progress(0.5, { ...DONE, removed: 7, failed: 1, elapsed: 1e6 }), live });
  const metrics = readMetrics(metricsText({ ...record.state, latency: 3 }));
  const value = (name: string, labels = {}): number | undefined => valueOf(metrics, `rump_${name}`, labels);
  assert.equal(metrics.get('rump_run_info')?.samples[0]?.labels['source'], endpoint);
  assert.deepEqual(
    [value('keys_copied_total'), value('bytes_copied_total'), value('keys_removed_total'), value('keys_failed')],
    [DONE.keys, DONE.bytes, 7, 1],
  );
  assert.deepEqual([value('completion_ratio'), value('keys_behind'), value('lag_seconds')], [0.5, 12, 0.25]);
  assert.deepEqual([value('source_latency_seconds'), value('clock_skew_seconds')], [0.003, -0.0124]);
  assert.deepEqual([value('warnings_total', { code: 'GAP' }), value('warnings_total', { code: 'CLOCK_SKEW' })], [2, 1]);
  // When the figures have moved last, and not when they were told last.
  assert.equal(value('last_progress_timestamp_seconds'), (AT + 1000) / 1000);
  const phases = metrics.get('rump_phase')!.samples.filter((sample) => sample.value === 1);
  assert.deepEqual(
    phases.map(({ labels }) => labels['phase']),
    ['in-sync'],
  );
});

test('metricsText() has what a check has found, and how a run has ended', () => {
  const record = recordOf('check');
  record.onEvent(START);
  record.onEvent({ type: 'check-progress', fraction: 1, ...CHECKED });
  record.finish({ exitCode: 3, isComplete: false, text: 'they differ' });
  const metrics = readMetrics(metricsText(record.state, { succeededAt: 5000, run: 'nightly "x"' }));
  assert.ok(!metrics.has('rump_keys_copied_total'));
  assert.equal(valueOf(metrics, 'rump_check_keys', { verdict: 'source_only' }), CHECKED.sourceOnly);
  assert.equal(valueOf(metrics, 'rump_bytes_compared_total'), CHECKED.bytes);
  assert.equal(valueOf(metrics, 'rump_reconnects_total'), CHECKED.reconnects);
  assert.equal(valueOf(metrics, 'rump_exit_code'), 3);
  assert.equal(valueOf(metrics, 'rump_success_timestamp_seconds'), 5);
  assert.equal(valueOf(metrics, 'rump_end_timestamp_seconds'), AT / 1000);
  assert.equal(valueOf(metrics, 'rump_phase', { phase: 'failed' }), 1);
  for (const { samples } of metrics.values())
    for (const { labels } of samples) assert.equal(labels['run'], 'nightly "x"');
});
