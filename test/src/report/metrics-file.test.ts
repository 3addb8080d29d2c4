// The figures of a run in a file that is there as a whole at any moment.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MetricsFile } from '../../../src/report/metrics-file.ts';
import { RunRecord } from '../../../src/report/run-record.ts';
import { DRY_RUN, progress, START } from '../../cli/show/events.ts';
import { readMetrics, valueOf } from '../../support/prometheus.ts';
import { folderOf } from '../../support/resp-file.ts';

const DONE = { exitCode: 0, isComplete: true, text: '' };

test('MetricsFile is there from the beginning, is replaced every few seconds, and says at the end how it went', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const path = join(folderOf(t), 'nightly.prom');
  let now = 5_000;
  const record = new RunRecord({ version: '1', command: 'copy' }, () => now);
  const errors: Error[] = [];
  const file = new MetricsFile(
    path,
    () => record.state,
    (error) => void errors.push(error),
  );
  const value = (name: string): number | undefined => valueOf(readMetrics(readFileSync(path, 'utf8')), name);
  assert.equal(statSync(path).mode & 0o777, 0o644);
  record.onEvent(START);
  record.onEvent(progress(0.5, { keys: 7 }));
  assert.equal(value('rump_keys_copied_total'), 0);
  t.mock.timers.tick(5000);
  assert.deepEqual([value('rump_keys_copied_total'), value('rump_exit_code')], [7, undefined]);
  now = 9_000;
  record.finish(DONE);
  file.finish();
  assert.deepEqual([value('rump_exit_code'), value('rump_success_timestamp_seconds')], [0, 9]);
  assert.equal(readMetrics(readFileSync(path, 'utf8')).get('rump_exit_code')?.samples[0]?.labels['run'], 'nightly');
  t.mock.timers.tick(50_000);
  assert.deepEqual([readdirSync(join(path, '..')), errors], [['nightly.prom'], []]);

  // The next night fails, and it is still known when it went well last.
  const next = new RunRecord({ version: '1', command: 'copy' }, () => 20_000);
  const failing = new MetricsFile(
    path,
    () => next.state,
    (error) => void errors.push(error),
  );
  assert.deepEqual([value('rump_exit_code'), value('rump_success_timestamp_seconds')], [undefined, 9]);
  next.finish({ exitCode: 75, isComplete: false, text: '' });
  failing.finish();
  assert.deepEqual([value('rump_exit_code'), value('rump_success_timestamp_seconds')], [75, 9]);

  // A look at what would be copied is no copy.
  const dry = new RunRecord({ version: '1', command: 'copy' }, () => 30_000);
  const looking = new MetricsFile(
    path,
    () => dry.state,
    (error) => void errors.push(error),
  );
  dry.onEvent(DRY_RUN);
  dry.finish(DONE);
  looking.finish();
  assert.deepEqual([value('rump_exit_code'), value('rump_success_timestamp_seconds')], [0, 9]);
});

test('MetricsFile says once that it cannot be written, and is written again once it can', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const folder = join(folderOf(t), 'collected');
  mkdirSync(folder);
  const path = join(folder, 'x.prom');
  const record = new RunRecord({ version: '1', command: 'copy' });
  const errors: Error[] = [];
  const file = new MetricsFile(
    path,
    () => record.state,
    (error) => void errors.push(error),
  );
  rmSync(folder, { recursive: true });
  for (let i = 0; i < 3; i++) t.mock.timers.tick(5000);
  assert.deepEqual(
    errors.map(({ message }) => message),
    [`Cannot write ${path}: there is no such folder (ENOENT)`],
  );
  assert.throws(() => file.finish(), { code: 'ENOENT' });
  mkdirSync(folder);
  record.finish(DONE);
  file.finish();
  assert.match(readFileSync(path, 'utf8'), /^rump_exit_code\{run="x"\} 0$/m);
});

test('MetricsFile takes no place of what is no file, and none that cannot be written', (t) => {
  const folder = folderOf(t);
  assert.throws(open(folder), { message: `Cannot write ${folder}: it is a directory (EISDIR)` });
  assert.throws(open('/dev/null'), { message: 'Cannot write /dev/null: it is no regular file' });
  assert.throws(open(join(folder, 'no', 'x')), { message: /there is no such folder \(ENOENT\)$/ });
  const odd = join(folder, 'odd.prom');
  writeFileSync(odd, 'rump_success_timestamp_seconds x\n'.repeat(10));
  chmodSync(odd, 0o600);
  open(odd)().finish();
  assert.ok(!readMetrics(readFileSync(odd, 'utf8')).has('rump_success_timestamp_seconds'));
  assert.deepEqual([readdirSync(folder), statSync(odd).mode & 0o777], [['odd.prom'], 0o600]);
});

function open(path: string): () => MetricsFile {
  const { state } = new RunRecord({ version: '1', command: 'copy' });
  return () =>
    new MetricsFile(
      path,
      () => state,
      () => {},
    );
}
