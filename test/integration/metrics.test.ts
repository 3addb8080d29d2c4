// --metrics and --metrics-file: a run as Prometheus, probes and programs see it from its beginning to its end, and strangers do not.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCarelessPair } from '../support/careless-target.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone, assertRefused } from '../support/outcome.ts';
import { readMetrics, valueOf, type Metric } from '../support/prometheus.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { startShown } from '../support/shown.ts';
import { longOnly, longTest } from '../support/tier.ts';

const PASSWORD = 'canary#of@gold:/%';

function phaseOf(metrics: ReadonlyMap<string, Metric>): string | undefined {
  const phases = metrics.get('rump_phase')!.samples.filter(({ value }) => value === 1);
  assert.equal(phases.length, 1);
  return phases[0]!.labels['phase'];
}

test('--metrics shows a run that follows its source, from the first key to the cutover, and no password', async (t) => {
  const { from, endpoints } = await startCarelessPair(t, PASSWORD);
  await from.pipeline(Array.from({ length: 2000 }, (_, i) => ['SET', `key:${i}`, i]));
  const folder = folderOf(t);
  const [moved, file] = [join(folder, 'moved'), join(folder, 'x.prom')];
  const socket = join(folder, 'run.sock');
  const live = ['--live', '--cutover-file', moved, '--linger', '2s', '--tpslimit', '200', '--control', socket];
  const { running, url, get, metrics, until } = await startShown(t, [...endpoints, ...live, '--metrics-file', file]);
  await until('/readyz', ({ body }) => body === 'not ok: copying\n');
  assert.deepEqual(await get('/healthz'), { status: 200, body: 'ok: copying\n' });
  assert.equal((await runRump(['ctl', socket, 'tpslimit', '0'])).code, 0);
  await until('/readyz', ({ status }) => status === 200);

  await from.send('SET', 'key:7', 'changed');
  await until('/metrics', ({ body }) => valueOf(readMetrics(body), 'rump_keys_copied_total') === 2001);
  const known = await metrics();
  assert.equal(phaseOf(known), 'in-sync');
  assert.ok(valueOf(known, 'rump_lag_seconds')! < 1);
  await until('/metrics', ({ body }) => (valueOf(readMetrics(body), 'rump_source_latency_seconds') ?? 0) > 0);
  assert.deepEqual([valueOf(known, 'rump_keys_behind'), valueOf(known, 'rump_completion_ratio')], [0, 1]);
  const status = JSON.parse((await get('/status')).body) as { phase: string; figures: { keys: number } };
  assert.deepEqual([status.phase, status.figures.keys], ['in-sync', 2001]);
  const shown = await Promise.all([get('/'), get('/status', { Accept: 'text/html' }), get('/metrics'), get('/status')]);
  for (const { body } of shown) assert.ok(!body.includes('canary'));

  // Whoever holds a connection does not hold the run.
  const { hostname, port } = new URL(url);
  const held = [connect(Number(port), hostname), connect(Number(port), hostname)];
  await Promise.all(held.map((socket) => once(socket, 'connect')));
  held[1]!.write('GET / HTTP/1.1\r\n');
  for (const socket of held) socket.on('error', () => {}).resume();
  writeFileSync(moved, '');
  await until('/metrics', ({ body }) => phaseOf(readMetrics(body)) === 'lingering');
  const last = await get('/status', { Prefer: 'wait=10' });
  assert.equal((JSON.parse(last.body) as { phase: string }).phase, 'done');
  assertDone(await running.done);
  const end = readMetrics(readFileSync(file, 'utf8'));
  assert.deepEqual(
    [phaseOf(end), valueOf(end, 'rump_keys_copied_total'), valueOf(end, 'rump_exit_code')],
    ['done', 2001, 0],
  );
});

longTest('--metrics under load counts up to what was copied, and takes no memory for whoever asks', async (t) => {
  const { from, endpoints } = await startPair(t);
  const keys = 20_000;
  await from.pipeline(Array.from({ length: keys }, (_, i) => ['SET', `key:${i}`, 'x'.repeat(100)]));
  const socket = join(folderOf(t), 'run.sock');
  const run = await startShown(t, [...endpoints, '--tpslimit', '2000', '--control', socket]);
  /** By who has asked: what one is told comes in order. */
  const seen = Array.from({ length: 8 }, (): number[] => []);
  const memory: number[] = [];
  const scrape = async (own: number[]): Promise<void> => {
    for (;;) {
      const got = await run.get('/metrics').catch(() => undefined);
      if (got === undefined) return;
      if (got.status !== 200) continue;
      const metrics = readMetrics(got.body);
      own.push(valueOf(metrics, 'rump_keys_copied_total')!);
      memory.push(valueOf(metrics, 'rump_resident_memory_bytes')!);
    }
  };
  const last = run.get('/status', { Prefer: 'wait=10' });
  const scraping = Promise.all(seen.map(scrape));
  const all = (): Set<number> => new Set(seen.flat());
  await underWay(run.running, () => all().size > 1);
  assert.equal((await runRump(['ctl', socket, 'tpslimit', '20000'])).code, 0);
  await Promise.all([scraping, run.running.done]);
  assertDone(await run.running.done);
  assert.deepEqual(
    seen,
    seen.map((own) => own.toSorted((one, other) => one - other)),
  );
  assert.ok(all().size > 1 && Math.min(...all()) < keys, String(seen));
  assert.equal((JSON.parse((await last).body) as { figures: { keys: number } }).figures.keys, keys);
  assert.ok(Math.max(...memory) < 250 * 1024 * 1024, String(Math.max(...memory)));
});

test('/healthz is well while a run is paused, owes to its limits, or waits for a server that is gone', async (t) => {
  const { source, endpoints, from } = await startPair(t);
  await from.pipeline(Array.from({ length: 1000 }, (_, i) => ['SET', `key:${i}`, i]));
  const socket = join(folderOf(t), 'run.sock');
  const slow = [
    '--tpslimit',
    '100',
    '--timeout',
    '200ms',
    '--retry-max',
    '300ms',
    '--retries',
    '100',
    '--control',
    socket,
  ];
  const { get, until, running } = await startShown(t, [...endpoints, ...slow]);
  await until('/metrics', ({ body }) => (valueOf(readMetrics(body), 'rump_keys_copied_total') ?? 0) > 0);
  assert.equal((await runRump(['ctl', socket, 'pause'])).code, 0);
  await until('/healthz', ({ body }) => body === 'ok: copying, paused\n');
  await until('/metrics', ({ body }) => valueOf(readMetrics(body), 'rump_paused') === 1);
  assert.equal((await runRump(['ctl', socket, 'resume'])).code, 0);
  // Each key is paid for by many seconds without one.
  assert.equal((await runRump(['ctl', socket, 'bwlimit', '1'])).code, 0);
  const paced = 'ok: copying, waiting: by --bwlimit or --tpslimit nothing goes before\n';
  await until('/healthz', ({ body }) => body === paced);
  await sleep(300);
  assert.deepEqual(await get('/healthz'), { status: 200, body: paced });
  assert.equal((await runRump(['ctl', socket, 'bwlimit', '0'])).code, 0);
  await source.kill();
  await until('/healthz', ({ status, body }) => status === 200 && body.startsWith('ok: copying, waiting: '));
  running.child.kill('SIGTERM');
  assert.equal((await running.done).code, 143);
});

longOnly(() => {
  test('/healthz is not well where nothing comes at all', async (t) => {
    const { endpoints } = await startPair(t);
    const into = ['--from', '-', ...endpoints.slice(2), '--timeout', '300ms'];
    const mute = await startShown(t, into, { input: null });
    const { body } = await mute.until('/healthz', ({ status }) => status === 503);
    assert.match(body, /^not ok: copying, but for [\d.]+ s there was no reply: --timeout is 0\.3 s\n$/);
    mute.running.child.kill('SIGTERM');
    assert.equal((await mute.running.done).code, 143);
  });
});

test('--metrics and --metrics-file of a check have what it found', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await from.pipeline([
    ['SET', 'a', 1],
    ['SET', 'b', 1],
  ]);
  await to.pipeline([
    ['SET', 'a', 1],
    ['SET', 'b', 2],
  ]);
  const file = join(folderOf(t), 'check.prom');
  const frames = join(folderOf(t), 'frames');
  const asked = ['--metrics-file', file, '--metrics', ':0', '--trace', frames];
  const result = await runRump(['check', ...endpoints, '--recheck', '0', ...asked]);
  assert.match(readFileSync(frames, 'utf8'), / "DUMP" "a"$/m);
  assert.equal(result.code, 3, result.stderr);
  assert.match(result.stderr, /^rump: the run can be seen at http:\/\/127\.0\.0\.1:\d+\/\n/);
  const metrics = readMetrics(readFileSync(file, 'utf8'));
  const found = ['match', 'differ', 'source_only'].map((verdict) => valueOf(metrics, 'rump_check_keys', { verdict }));
  assert.deepEqual([found, valueOf(metrics, 'rump_exit_code')], [[1, 1, 0], 3]);
});

test('--metrics that others can reach is warned of, and what cannot be listened on is refused before anything is written', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await from.send('SET', 'key', 'value');
  const folder = folderOf(t);
  const dry = join(folder, 'dry.prom');
  const open = await runRump([...endpoints, '--dry-run', '--json', '--metrics', '0.0.0.0:0', '--metrics-file', dry]);
  assert.match(
    open.stdout,
    /"code":"OPEN_TO_OTHERS","message":"whoever can reach http:\/\/0\.0\.0\.0:\d+\/ can read .* the names of keys"/,
  );
  // Nothing was copied, so a night without a copy is told all the same.
  const looked = readMetrics(readFileSync(dry, 'utf8'));
  assert.deepEqual([valueOf(looked, 'rump_exit_code'), looked.has('rump_success_timestamp_seconds')], [0, false]);
  const port = String((endpoints[1] ?? '').split(':').at(-1));
  const file = join(folder, 'x.prom');
  const taken = `Cannot listen on 127.0.0.1:${port}: another process listens there (name another one for --metrics)`;
  const refusals: readonly (readonly [args: string[], error: string])[] = [
    [['--metrics', port], taken],
    [
      ['--metrics', '192.0.2.1:0'],
      'Cannot listen on 192.0.2.1:0: this machine has no such address (name another one for --metrics)',
    ],
    ...['x', '65536', '127.0.0.1', '[::1', 'http://127.0.0.1:80/', '-1'].map(
      (value) =>
        [
          [`--metrics=${value}`],
          `Cannot use "${value}" for --metrics: it takes a port, or a host and a port, such as 9121 or [::1]:9121; port 0 is any that is free`,
        ] as [string[], string],
    ),
    [
      ['--metrics', '0', '--metrics-file', '/dev/null'],
      'Cannot write /dev/null: it is no regular file (name another one for --metrics-file)',
    ],
    [
      ['--metrics-file', file, '--log', file],
      'Cannot use --log: that is the file of --metrics-file as well (name another file)',
    ],
  ];
  for (const [args, error] of refusals) {
    const result = await runRump([...endpoints, ...args]);
    assertRefused(result, { code: 2, error: /^rump: Cannot/ });
    assert.equal(result.stderr, `rump: ${error}\n`);
  }
  assert.equal(await to.send('DBSIZE'), 0);
  assert.ok(!existsSync(file));
});
