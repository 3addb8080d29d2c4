// Several processes copy one cluster, a part each: together they have all of it, and no key twice, whatever moves.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { formatPlan, parsePlan, partitionOf, type WorkersPlan } from '../../src/sync/workers-plan.ts';
import { SlotSet } from '../../src/cluster/slot.ts';
import type { TestClient } from '../support/client.ts';
import { slotOfKey } from '../support/cluster-slot.ts';
import { listening } from '../support/controlled.ts';
import { FEEDS, runModel, type ModelOptions } from '../support/live/model.ts';
import { resharded, slotsMigrated } from '../support/live/cluster-faults.ts';
import { kills } from '../support/live/faults.ts';
import { clusterSide, serverSide } from '../support/live/sides.ts';
import { assertDone } from '../support/outcome.ts';
import { AFTER_MOVES, createCluster, startCluster, type TestCluster } from '../support/redis-cluster.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { folderOf } from '../support/resp-file.ts';
import { processOf, runRump, startRump, type RumpResult, type RunningRump } from '../support/rump.ts';
import { serversWith } from '../support/server-versions.ts';
import { assertSame, snapshot, UNSETTABLE, type Snapshot } from '../support/snapshot.ts';
import { longOnly, longTest } from '../support/tier.ts';

const WORKERS = 4;
const KEYS = 3000;
const MOVED = { ...AFTER_MOVES, without: UNSETTABLE };
/** Keys a second of each process, until enough has happened. */
const PACE = '20';
/** The part whose process is killed. */
const KILLED = 2;
/** Slots of each primary that move. */
const MOVING = 60;
/** Those that have moved before any process may come to its end. */
const LEAST_MOVED = 5;

async function fill(cluster: TestCluster, keys = KEYS): Promise<void> {
  await cluster.pipeline(Array.from({ length: keys }, (_, i) => ['SET', `key:${i}`, `value ${i}`]));
}

/** What rump plan prints, and a file with it. */
async function planFor(t: TestContext, cluster: TestCluster, workers: number): Promise<[WorkersPlan, path: string]> {
  const { code, stdout, stderr } = await runRump(['plan', '--workers', String(workers), '--from', cluster.url]);
  assert.equal(code, 0, stderr);
  const path = join(folderOf(t), 'plan.json');
  writeFileSync(path, stdout);
  return [parsePlan(stdout, 'it'), path];
}

function figuresOf({ stdout }: RumpResult): { readonly keys: number } {
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; keys: number });
  return lines.find(({ event }) => event === 'done')!;
}

async function serverFor(t: TestContext, binary?: string): Promise<TestServer> {
  const server = await startServer({ binary });
  t.after(() => server.stop());
  return server;
}

/**
 * Moves slots of every primary to another one, across the borders of parts: from one after the other, as who takes slots over in
 * turns with others may lose them again. @param onMoved how many they are by then
 */
async function moveUntil(cluster: TestCluster, isOver: () => boolean, onMoved: (moved: number) => void): Promise<void> {
  for (let moved = 0; !isOver() && moved < cluster.primaries * MOVING; moved++) {
    const home = Math.floor(moved / MOVING);
    const slot = Math.ceil((home * 16_384) / cluster.primaries) + (moved % MOVING);
    await cluster.moveSlot(slot, home, (home + 2) % cluster.primaries);
    onMoved(moved + 1);
  }
}

/** Whether a checkpoint of the part says that anything was done. */
async function hasProgress(target: TestClient): Promise<boolean> {
  const [name] = (await target.send('KEYS', 'rump:checkpoint:{*}:2')) as Buffer[];
  if (name === undefined) return false;
  const text = String(await target.send('GET', name));
  return (JSON.parse(text) as { checkpoint: { source: unknown[] } }).checkpoint.source.length > 0;
}

async function contentsOf(server: TestServer): Promise<Map<string, Snapshot>> {
  return snapshot(await server.client());
}

/** A copy that follows writers, by all of the workers. */
function modelOf(source: TestCluster, target: TestServer, plan: string): Omit<ModelOptions, 'feed'> {
  return {
    source: clusterSide(source),
    target: serverSide(() => target, [0]),
    endpoints: ['--from', source.url, '--to', target.url],
    workers: { count: WORKERS, plan },
    same: MOVED,
  };
}

let source: TestCluster;

before(async () => {
  source = await createCluster({ primaries: 6 });
  await fill(source);
});

after(() => source.stop());

test('rump plan shares a cluster out by its primaries, and the parts together are all of it, each key once', async (t) => {
  const target = await serverFor(t);
  const [plan, path] = await planFor(t, source, WORKERS);
  assert.deepEqual(
    plan.shares.map(({ nodes }) => nodes.length).toSorted((one, other) => one - other),
    [1, 1, 2, 2],
  );
  assert.equal(
    plan.shares.reduce((sum, { keys }) => sum + keys, 0),
    KEYS,
  );
  const to = ['--to', target.url];
  const results = await Promise.all(
    plan.shares.map((_, i) => {
      // One of them is told its part as an indexed job tells it.
      const part = i === 0 ? ['--partition', 'auto'] : ['--partition', `${i + 1}/${WORKERS}`];
      const env = i === 0 ? { JOB_COMPLETION_INDEX: '0' } : {};
      // Whichever node is named, it is the same cluster.
      const from = ['--from', source.nodes[i]!.url];
      return runRump([...from, ...to, '--plan', path, ...part, '--verify', '--json'], { env });
    }),
  );
  for (const [i, result] of results.entries()) {
    assert.equal(result.code, 0, result.stderr);
    assert.equal(figuresOf(result).keys, plan.shares[i]!.keys);
  }
  assertSame(await contentsOf(target), await source.contents());

  // What the check of a copy tells takes nothing from what the copy has told.
  const logs = results.map(({ stdout }, i) => {
    const log = join(folderOf(t), `${i}.ndjson`);
    writeFileSync(log, stdout);
    return log;
  });
  const { code, stdout } = await runRump(['report', ...logs, '--json']);
  const { sums, checked } = JSON.parse(stdout) as { sums: { keys: number }; checked: { match: number } };
  assert.deepEqual([code, sums.keys, checked.match], [0, KEYS, KEYS]);

  assert.match(results[1]!.stdout, /^\{"event":"start",.*"verifies":true/);
  // Nothing is left out, and each part is told from the others.
  assert.match(results[1]!.stdout, /"partition":\{"part":2,"parts":4,"slots":\d+,"primaries":[12],"plan":"\w{16}"\}/);
  await (await target.client()).send('DEL', 'key:1', 'key:2', 'key:3');
  const checks = await Promise.all(
    plan.shares.map((_, i) => {
      const part = ['--plan', path, '--partition', `${i + 1}/${WORKERS}`, '--recheck', '0'];
      return runRump(['check', '--from', source.url, ...to, ...part]);
    }),
  );
  const lines = checks.flatMap(({ stdout }) => stdout.split('\n').filter((line) => line.startsWith('+ ')));
  assert.deepEqual(lines.toSorted(), ['+ key:1', '+ key:2', '+ key:3']);
});

longTest('Parts without a plan are of one process each, whatever moves, and whoever is killed', async (t) => {
  const parts = Array.from({ length: WORKERS }, (_, i) => i + 1);
  const targets = await Promise.all(parts.map(() => serverFor(t)));
  const folder = folderOf(t);
  const logs = parts.map((part) => join(folder, `${part}.ndjson`));
  const sockets = parts.map((part) => join(folder, `${part}.sock`));
  const begin = (part: number): RunningRump => {
    const sides = ['--from', source.url, '--to', targets[part - 1]!.url];
    return startRump([
      ...sides,
      '--log',
      logs[part - 1]!,
      '--partition',
      `${part}/${WORKERS}`,
      '--resume',
      'target',
      '--tpslimit',
      PACE,
      '--count',
      '5',
      '--control',
      sockets[part - 1]!,
    ]);
  };
  const running = parts.map(begin);
  const clients = await Promise.all(targets.map((target) => target.client()));
  let moved = 0;
  const isOver = (): boolean => running.every(({ child }) => child.exitCode !== null);
  const moving = moveUntil(source, isOver, (slots) => (moved = slots));
  await source.until('progress is kept', () => hasProgress(clients[KILLED - 1]!));
  processOf(running[KILLED - 1]!).kill('SIGKILL');
  assert.equal((await running[KILLED - 1]!.done).signal, 'SIGKILL');
  // Another part has other keys, and leaves what is kept alone.
  const other = ['--partition', `${KILLED}/5`, '--resume', 'target'];
  const refused = await runRump(['--from', source.url, '--to', targets[KILLED - 1]!.url, ...other]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /it was written with --partition 2\/4, and now it is 2\/5/);
  assert.match(
    refused.stderr,
    /remove its key from database 0 of the target \(UNLINK\): rump:checkpoint:\{\w+\}:2\)$/m,
  );
  running[KILLED - 1] = begin(KILLED);
  await source.until('slots have moved', async () => moved >= LEAST_MOVED);
  for (const [i, socket] of sockets.entries()) {
    await listening(running[i]!, socket);
    assert.equal((await runRump(['ctl', socket, 'tpslimit', '0'])).code, 0);
  }
  const results = await Promise.all(running.map(({ done }) => done));
  for (const result of results) assertDone(result);
  assert.match(results[KILLED - 1]!.stderr, /the copy goes on from the checkpoint of part 2 in database 0/);
  await moving;
  const contents = await Promise.all(targets.map(contentsOf));
  for (const [i, content] of contents.entries()) {
    const { slots } = partitionOf({ part: i + 1, parts: WORKERS }, 'scanned');
    assert.ok(content.size > 0 && [...content.keys()].every((key) => slots.has(slotOfKey(key))));
  }
  assertSame(new Map(contents.flatMap((content) => [...content])), await source.contents(), AFTER_MOVES);
  // Four targets are not one, which is all that is wrong.
  const report = await runRump(['report', ...logs]);
  assert.equal(report.code, 1);
  assert.match(report.stderr, /^rump: the logs do not belong together: the target of 1\/4 is (?:.* is ){3}.*\n$/);
});

test('A part is refused of a single server, and of another cluster than that of the plan, before anything is written', async (t) => {
  const [single, target] = await Promise.all([serverFor(t), serverFor(t)]);
  const [plan, path] = await planFor(t, source, 2);
  writeFileSync(path, formatPlan({ ...plan, source: { ...plan.source, nodes: ['f'.repeat(40)] } }));
  const to = ['--to', target.url, '--partition', '1/2'];
  const cases: readonly (readonly [args: readonly string[], why: RegExp])[] = [
    [['plan', '--workers', '2', '--from', single.url], /it is a single server, and only the slots of a cluster/],
    [['plan', '--from', single.url], /Cannot make a plan without the number of workers/],
    [['--from', single.url, ...to], /is a single server, and only the slots of a cluster can be shared out/],
    [['--from', source.url, ...to, '--plan', path], /the plan is for another cluster than that of 127\.0\.0\.1/],
    [['--from', source.url, ...to, '--live', '--until-idle', '1s'], /Cannot follow part 1 of 2: without a plan/],
    [['--from', source.url, ...to, '--first-copy', 'snapshot'], /Cannot copy snapshots of part 1 of 2: without a plan/],
    [['check', '--from', source.url, ...to, '--plan', path], /the plan is for another cluster/],
  ];
  const results = await Promise.all(cases.map(([args]) => runRump(args)));
  for (const [i, { code, stderr }] of results.entries()) {
    assert.match(stderr, cases[i]![1]);
    assert.equal(code, 2);
  }
  assert.equal(await (await target.client()).send('DBSIZE'), 0);
  // Who may not read, learns of no nodes.
  await source.clients[0]!.send('ACL', 'SETUSER', 'weak', 'on', '>secret', '~*', '+@all', '-dump');
  const weak = source.url.replace('redis://', 'redis://weak:secret@');
  const refused = await runRump(['plan', '--workers', '2', '--from', weak]);
  assert.deepEqual([refused.code, refused.stdout], [1, '']);
  assert.match(refused.stderr, /the user may not run DUMP/);
});

test('The snapshots of the nodes of a part are a first copy as well, and the rest of what they hold is passed over', async (t) => {
  const target = await serverFor(t);
  const [plan, path] = await planFor(t, source, 7);
  const part = plan.shares.findIndex(({ cut }) => cut === true);
  // As where slots have moved since the plan was made.
  const unmarked = plan.shares.map(({ slots, keys, nodes }) => ({ slots, keys, nodes }));
  writeFileSync(path, formatPlan({ ...plan, shares: unmarked }));
  const args = ['--first-copy', 'snapshot', '--plan', path, '--partition', `${part + 1}/7`];
  const { code, stderr } = await runRump(['--from', source.url, '--to', target.url, ...args]);
  assert.equal(code, 0, stderr);
  const slots = new SlotSet(plan.shares[part]!.slots);
  const own = [...(await source.contents())].filter(([key]) => slots.has(slotOfKey(key)));
  assertSame(await contentsOf(target), new Map(own));
});

for (const feed of FEEDS) {
  longTest(`Four workers follow six nodes by ${feed} while slots move and one of them dies now and then`, async (t) => {
    const [followed, target] = await Promise.all([startCluster(t, { primaries: 6 }), serverFor(t)]);
    const [, plan] = await planFor(t, followed, WORKERS);
    const { stderr } = await runModel(t, {
      ...modelOf(followed, target, plan),
      feed,
      args: ['--resume', 'target', '--retries', '50'],
      faults: [resharded(followed), kills()],
    });
    assert.match(stderr, /the checkpoint of part [234] in database 0/);
    // As many connections as there are nodes are no leak.
    assert.doesNotMatch(stderr, /MaxListeners/);
  });
}

longOnly(() => {
  test('Workers that follow leave alone what the target had before, and what others of them have written', async (t) => {
    const [followed, target] = await Promise.all([startCluster(t, { primaries: 6 }), serverFor(t)]);
    const client = await target.client();
    const own = Array.from({ length: 50 }, (_, i) => `own:${i}`);
    await client.pipeline(own.map((key) => ['SET', key, 'of the target']));
    const [, plan] = await planFor(t, followed, WORKERS);
    const { stderr } = await runModel(t, {
      ...modelOf(followed, target, plan),
      feed: 'tracking',
      faults: [resharded(followed)],
      same: { ...MOVED, isForeign: (name) => own.includes(name) },
    });
    // Somebody had to look for what is not at the source any more.
    assert.match(stderr, /serves slots by now: the keys in question are read once more/);
    const kept = await client.pipeline(own.map((key) => ['GET', key]));
    assert.ok(kept.every((value) => String(value) === 'of the target'));
  });

  for (const { name, binary } of serversWith('valkey-9.1')) {
    for (const feed of FEEDS) {
      test(`Four workers follow six nodes by ${feed} while slots move as one (${name})`, async (t) => {
        const [followed, target] = await Promise.all([startCluster(t, { primaries: 6, binary }), serverFor(t, binary)]);
        const [, plan] = await planFor(t, followed, WORKERS);
        await runModel(t, {
          ...modelOf(followed, target, plan),
          feed,
          args: ['--retries', '50'],
          faults: [slotsMigrated(followed)],
        });
      });
    }
  }
});
