// Several workers copy one cluster, as the Job of .github/scale/ has them run: together they copy all of it, each key once, and
// whoever is lost is started again by its rules.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { IndexedJob, type JobWorld } from '../support/kubernetes/indexed-job.ts';
import { JOB, readManifest, type JobManifest } from '../support/kubernetes/job.ts';
import { lend } from '../support/lent-servers.ts';
import { AFTER_MOVES, startCluster, type TestCluster } from '../support/redis-cluster.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { blocksOf } from '../support/pages.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump } from '../support/rump.ts';
import { assertSame, snapshot } from '../support/snapshot.ts';
import { startShell } from '../support/recipe-shell.ts';
import { isLong, longOnly, variants } from '../support/tier.ts';

const KEYS = 1500;
const WORKERS = 3;
const POLL_MS = 20;
const PASSWORDS = { from: 'canary-of-the-source', to: 'canary-of-the-target' };
/** The addresses of the manifest. */
const [OLD, NEW] = ['redis://old.redis.svc:6379', 'redis://new.redis.svc:6379'] as const;

const manifest = readManifest(JOB) as JobManifest;

function jobIn(t: TestContext, world: Omit<JobWorld, 'folder'>): IndexedJob {
  const job = new IndexedJob(manifest, { ...world, folder: folderOf(t) });
  t.after(() => {
    job.kill();
    return job.done;
  });
  job.start();
  return job;
}

async function startSides(t: TestContext): Promise<[TestCluster, TestServer]> {
  const [source, target] = await Promise.all([startCluster(t, { primaries: WORKERS }), startServer()]);
  t.after(() => target.stop());
  await source.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, `value ${i}`]));
  for (const client of source.clients) await client.send('CONFIG', 'SET', 'requirepass', PASSWORDS.from);
  return [source, target];
}

/** Writes and deletes, here and there. */
async function change(source: TestCluster, round: number): Promise<void> {
  const changed = Array.from({ length: 300 }, (_, i) => ['SET', `key:${i * 5}`, `value of round ${round}`]);
  const gone = Array.from({ length: 30 }, (_, i) => ['DEL', `key:${round + i * 50 + 1}`]);
  await source.pipeline([...changed, ...gone, ['SET', `new:${round}`, 'new']]);
}

test('The workers of the Job copy a cluster, each key once, are started again by its rules, and cut over together', async (t) => {
  const [source, target] = await startSides(t);
  const to = await target.client();
  await to.send('CONFIG', 'SET', 'requirepass', PASSWORDS.to);
  const env = { RUMP_FROM_PASSWORD: PASSWORDS.from };
  const plan = await runRump(['plan', '--workers', String(WORKERS), '--from', source.url], { env });
  assert.equal(plan.code, 0, plan.stderr);
  const sockets = folderOf(t);
  const job = jobIn(t, {
    objects: { 'rump-plan': { 'plan.json': plan.stdout }, 'rump-passwords': PASSWORDS },
    places: { [OLD]: source.url, [NEW]: target.url },
    environment: (index) => ({ RUMP_CONTROL: join(sockets, `${index}.sock`), RUMP_LINGER: '0s' }),
  });
  await job.ready();
  assert.match((await runRump(['ctl', join(sockets, '1.sock'), 'status'])).stdout, /^partition: 2\/3$/m);
  assert.ok(await job.probe(0, 'livenessProbe'));
  assert.equal(await keysOnceInSync(sockets), KEYS, 'Together they have written each key once');

  await change(source, 1);
  job.pod(1).running.child.kill('SIGKILL');
  assert.equal((await runRump(['ctl', join(sockets, '2.sock'), 'abort'])).code, 0);
  // In the quick tier it stays as it is.
  if (isLong) job.evict(0);
  const lost = job.pods.slice(0, WORKERS).filter(({ index }) => isLong || index > 0);
  await Promise.all(lost.map(({ running }) => running.done));
  await change(source, 2);
  await job.ready();
  assert.deepEqual(
    lost.map(({ index, exitCode, action }) => [index, exitCode, action]),
    [...(isLong ? [[0, 143, 'Ignore']] : []), [1, 137, 'Count'], [2, 75, 'Count']],
  );

  await change(source, 3);
  job.createConfigMap('rump-cutover', { now: '' });
  assert.deepEqual(await job.done, { condition: 'Complete', reason: 'Done' }, outputOf(job));
  assert.deepEqual(
    [0, 1, 2].map((index) => job.podsOf(index).length),
    [isLong ? 2 : 1, 2, 2],
  );
  assertSame(await snapshot(to), await source.contents(), AFTER_MOVES);
  assert.ok(!outputOf(job).includes('canary'));

  const logs = folderOf(t);
  const files = job.pods.map(({ running }, i) => {
    const file = join(logs, `${i}.ndjson`);
    writeFileSync(file, running.stdout);
    return file;
  });
  const report = await runRump(['report', ...files]);
  assert.equal(report.code, 0, report.stdout + report.stderr);
  assert.match(report.stdout, /^1\/3 +complete .*\n2\/3 +complete .*\n3\/3 +complete .*\nall +complete /m);
  // Without the one that came behind it, the worker that was killed has not come to its end.
  const killed = await runRump(['report', ...files.slice(0, WORKERS)]);
  assert.equal(killed.code, 1);
  assert.match(
    killed.stderr,
    /^rump: part 2\/3 \(\S+\): its log has no end: it was killed, it goes on, or the log could not be written$/m,
  );
});

longOnly(() => {
  test('The commands of the README have two workers copy a cluster, cut over together, and sum up what they did', async (t) => {
    const [source, target] = await Promise.all([1, 2].map(() => startCluster(t, { primaries: 2 })));
    await source!.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, `value ${i}`]));
    const folder = folderOf(t);
    const [begin, tell, sumUp] = blocksOf('Several workers', 'sh').map((commands) =>
      commands.replaceAll('redis://10.0.0.1:6379', source!.url).replaceAll('redis://10.1.0.1:6379', target!.url),
    );
    const workers = startShell(folder, `set -e\n${begin}wait\n${sumUp}`);
    const status = async (): Promise<string> => (await runRump(['ctl', join(folder, 'workers'), 'status'])).stdout;
    while (!/^all .*, all in sync$/m.test(await status())) await sleep(POLL_MS);
    const told = await startShell(folder, `set -e\n${tell}`).done;
    assert.match(told, /^all in sync\n1\.sock: OK\n2\.sock: OK$/m);
    assert.match(await workers.done, /^1\/2 +complete .*\n2\/2 +complete .*\nall +complete /m);
    assertSame(await target!.contents(), await source!.contents(), AFTER_MOVES);
  });
});

for (const [what, planned, code, reason] of variants(
  ...([
    ['a plan that cannot be used', '{}', 2, 'PodFailurePolicy'],
    ['servers that refuse', undefined, 1, 'MaxFailedIndexesExceeded'],
  ] as const),
)) {
  test(`The Job fails at once with ${what}, and no worker is started again`, async (t) => {
    const half = { keys: 1, nodes: ['127.0.0.1:1'] };
    const shares = [
      [0, 5460],
      [5461, 10922],
      [10923, 16383],
    ].map((slots) => ({ slots: [slots], ...half }));
    const plan = planned ?? JSON.stringify({ rump: '2.0.0', plan: 1, source: { nodes: ['a'], slots: 16384 }, shares });
    const server = await lend(t);
    await (await server.client()).send('CONFIG', 'SET', 'requirepass', 'another');
    const job = jobIn(t, {
      objects: { 'rump-plan': { 'plan.json': plan }, 'rump-passwords': PASSWORDS },
      places: { [OLD]: server.url, [NEW]: server.url },
    });
    assert.deepEqual(await job.done, { condition: 'Failed', reason }, outputOf(job));
    assert.equal(job.pods.length, WORKERS);
    assert.ok(job.pods.some(({ exitCode }) => exitCode === code));
  });
}

/** What all workers have written, as they say themselves; a moment ago they were in sync, and may be told of it later. */
async function keysOnceInSync(sockets: string): Promise<unknown> {
  for (;;) {
    const { stdout } = await runRump(['ctl', sockets, 'status', 'json']);
    const { keys, allInSync } = JSON.parse(stdout) as Record<string, unknown>;
    if (allInSync === true) return keys;
    await sleep(POLL_MS);
  }
}

function outputOf(job: IndexedJob): string {
  return job.pods.map(({ index, running }) => `${index}: ${running.stdout}${running.stderr}`).join('\n');
}
