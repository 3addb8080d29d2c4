// Sources that change under an open connection: the copy ends, with every key, and asks the source little more than usual.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test, type TestContext } from 'node:test';
import type { Reply, TestClient } from '../support/client.ts';
import { callsOf, refusalsOf } from '../support/command-stats.ts';
import { startControlled } from '../support/controlled.ts';
import { bulk } from '../support/frames.ts';
import { borrow, giveBack, lend } from '../support/lent-servers.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { startReplica, untilInStep } from '../support/replica.ts';
import { replyProxy, type Answer } from '../support/reply-proxy.ts';
import { runRump, type RumpResult } from '../support/rump.ts';
import { longTest, variants } from '../support/tier.ts';

/** More than are read ahead where the machine is busy, and the line seems long for it. */
const KEYS = 6000;
const PAGES = 24;
const A_PAGE = String(KEYS / PAGES);
/** Slow enough for whatever happens meanwhile, and as fast as may be once it has happened. */
const SLOW = { options: ['--tpslimit', '250', '--count', A_PAGE], keys: 100, lift: ['tpslimit', '0'] };
/** Keys that are asked for at once over a short line: those not answered when it is lost are asked for again. */
const UNDER_WAY = 1024;
/** A line that seems long, as the machine is busy, has far more. */
const MOST_ON_THE_WAY = KEYS * 0.75;
const HELD = KEYS.toLocaleString('en');
const WAS_FLUSHED = new RegExp(
  `held ${HELD} when it began, [\\d,]+ were seen, and 0 are left; it was flushed or swapped`,
);
const NEW_RUN_ID = (): string => randomBytes(20).toString('hex');

let source: TestServer;
let target: TestServer;
let from: TestClient;
let to: TestClient;

before(async () => {
  [source, target] = await Promise.all([borrow(), borrow()]);
  [from, to] = await Promise.all([source.client(), target.client()]);
  await fill(from, 'key');
});
after(() => Promise.all([source, target].map(giveBack)));

async function fill(
  client: { pipeline(commands: (string | number)[][]): Promise<unknown> },
  prefix: string,
): Promise<void> {
  await client.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `${prefix}:${i}`, i]));
}

interface Slowness {
  readonly options: readonly string[];
  /** So many are copied before the change. */
  readonly keys: number;
  /** What the copy is told behind the change. */
  readonly lift?: readonly string[];
}

/** Copies slowly, and lets `change` happen while it is under way; it must be over before the copy is. */
async function copyMeanwhile(
  t: TestContext,
  url: string,
  change: () => Promise<unknown>,
  { options, keys, lift }: Slowness = SLOW,
): Promise<RumpResult> {
  await to.send('FLUSHALL');
  const { running, tell } = await startControlled(t, ['--from', url, '--to', target.url, ...options]);
  await underWay(running, async () => ((await to.send('DBSIZE')) as number) >= keys);
  await change();
  assert.equal(running.child.exitCode, null, 'The copy was over too soon');
  if (lift !== undefined) await tell(...lift);
  return running.done;
}

/** Copies, and lets `change` happen between two pages, however far is read ahead. */
async function copyWhileScanned(
  t: TestContext,
  { port }: TestServer,
  change: () => Promise<unknown>,
  args: readonly string[] = [],
): Promise<RumpResult> {
  await to.send('FLUSHALL');
  let pages = 0;
  const proxy = await replyProxy(t, port, async ([name]) => {
    if (name === 'SCAN' && ++pages === 3) await change();
    return undefined;
  });
  const result = await runRump(['--from', proxy.url, '--to', target.url, '--count', A_PAGE, ...args]);
  assert.ok(pages > 3);
  return result;
}

async function assertEvery(prefix: string): Promise<void> {
  const values = (await to.send('MGET', ...Array.from({ length: KEYS }, (_, i) => `${prefix}:${i}`))) as Reply[];
  const lost = values.flatMap((value, i) => (String(value) === String(i) ? [] : [`${prefix}:${i}`]));
  assert.equal(lost.length, 0, `${lost.length} keys are missing: ${lost.slice(0, 5).join()}`);
}

/**
 * @param clients of all that was read
 * @param walks how often everything may have been read of all of them together, at most
 * @param refused DUMPs that read nothing, and do not count
 */
async function assertRead(clients: readonly TestClient[], walks: number, refused = 0): Promise<void> {
  const counts = await Promise.all(clients.map(callsOf));
  const sum = (command: string): number => counts.reduce((all, calls) => all + (calls.get(command) ?? 0), 0);
  const [scans, dumps] = [sum('scan'), sum('dump') - refused];
  // A page may have more keys or fewer; and each connection tries both commands once.
  assert.ok(scans <= walks * PAGES * 1.2 + 10, `${scans} SCANs`);
  const askedAgain = (walks - 1) * UNDER_WAY;
  assert.ok(dumps <= walks * KEYS * 1.02 + askedAgain + 10, `${dumps} DUMPs`);
}

test('rump copies a primary to which the first replica attaches meanwhile, in one walk', async (t) => {
  await from.send('CONFIG', 'RESETSTAT');
  let replica: TestServer | undefined;
  const result = await copyMeanwhile(t, source.url, async () => (replica = await startReplica(source)));
  await replica?.stop();
  assertDone(result);
  assert.doesNotMatch(result.stderr, /warning/);
  await assertEvery('key');
  await assertRead([from], 1);
});

longTest('rump copies a replica that is promoted meanwhile, in one walk', async (t) => {
  const replica = await startReplica(source);
  t.after(() => replica.stop());
  const client = await replica.client();
  const result = await copyMeanwhile(t, replica.url, () => client.send('REPLICAOF', 'NO', 'ONE'));
  assertDone(result);
  assert.doesNotMatch(result.stderr, /warning/);
  await assertEvery('key');
  await assertRead([client], 1);
});

test('rump scans a replica anew that was given the data of another primary, and says so', async (t) => {
  const [replica, other] = await Promise.all([startReplica(source), startServer()]);
  t.after(() => Promise.all([replica.stop(), other.stop()]));
  const [client, otherClient] = await Promise.all([replica.client(), other.client()]);
  await fill(otherClient, 'other');
  const result = await copyWhileScanned(t, replica, async () => {
    await client.send('REPLICAOF', '127.0.0.1', other.port);
    await untilInStep(client);
  });
  assertDone(result);
  assert.match(result.stderr, /holds other data than when its scan began/);
  await assertEvery('other');
  await assertRead([client], 3);
});

for (const [back, walks] of [
  ['', 2],
  [', and takes over again,', 3],
] as const) {
  longTest(`rump copies a cluster whose primary hands over${back} meanwhile`, async (t) => {
    const cluster = await startCluster(t, { primaries: 1, replicas: 1 });
    const [first, second] = cluster.clients as [TestClient, TestClient];
    await fill(cluster, 'key');
    await first.send('WAIT', 1, 5000);
    const result = await copyMeanwhile(t, cluster.url, async () => {
      await cluster.takeOver(1);
      if (back !== '') await cluster.takeOver(0);
    });
    assertDone(result);
    await assertEvery('key');
    // Since it has handed over a node refuses what was on the way to it, and is asked for nothing more.
    const refused = await Promise.all([first, second].map((client) => refusalsOf(client, 'dump')));
    assert.ok(Math.max(...refused) <= MOST_ON_THE_WAY, `${refused.join(' and ')} refused DUMPs`);
    // The slots are walked once more where they went.
    await assertRead([first, second], walks, refused[0]! + refused[1]!);
  });
}

/** INFO names another process each time, as a proxy in front of shards does. */
const otherShard: Answer = ([name], reply) =>
  name === 'INFO' ? bulk(String(reply).replace(/run_id:\w+/, `run_id:${NEW_RUN_ID()}`)) : undefined;

test('rump counts one walk of a proxy that names another server each time, and warns; a check does so too', async (t) => {
  const { url, calls } = await replyProxy(t, source.port, otherShard);
  await to.send('FLUSHALL');
  const copied = await runRump(['--from', url, '--to', target.url, '--count', A_PAGE]);
  assertDone(copied);
  await assertEvery('key');
  assert.match(copied.stderr, /warning: 127\.0\.0\.1:\d+ names another server each time it is asked/);
  assert.ok(calls.get('SCAN')! <= PAGES * 1.2 + 10, `${calls.get('SCAN')} SCANs`);
  const checked = await runRump(['check', '--from', url, '--to', target.url]);
  assert.match(checked.stdout, /Both sides are equal/, checked.stderr);
  assert.match(checked.stderr, /names another server each time it is asked/);
});

/** Each connection leads to another process, and ends in the middle of the walk. */
function restarting(t: TestContext): Promise<{ readonly url: string; readonly calls: ReadonlyMap<string, number> }> {
  const ids = new WeakMap<object, string>();
  const pages = new WeakMap<object, number>();
  return replyProxy(t, source.port, ([name, ...args], reply, client) => {
    if (name === 'SCAN' && args[0] !== '0') {
      pages.set(client, (pages.get(client) ?? 0) + 1);
      if (pages.get(client)! > 2) client.destroy();
    }
    if (name !== 'INFO') return undefined;
    if (!ids.has(client)) ids.set(client, NEW_RUN_ID());
    return bulk(String(reply).replace(/run_id:\w+/, `run_id:${ids.get(client)}`));
  });
}

test('rump gives up on a server that is replaced again and again', async (t) => {
  const { url, calls } = await restarting(t);
  const result = await runRump(['--from', url, '--to', target.url, '--count', A_PAGE, '--retry-max', '50ms']);
  assertFailed(result, { code: 75, error: /was replaced, or came to hold other data, 5 times while it was scanned/ });
  assert.ok(calls.get('SCAN')! < 60, `${calls.get('SCAN')} SCANs`);
});

for (const [name, ...change] of variants(['flushed', 'FLUSHALL'], ['swapped', 'SWAPDB', 0, 1])) {
  const error = WAS_FLUSHED;
  test(`rump fails where the source is ${name} meanwhile, and says what was seen`, async (t) => {
    const server = await lend(t);
    const client = await server.client();
    await fill(client, 'key');
    assertFailed(await copyWhileScanned(t, server, () => client.send(...change)), { error });
  });
}

for (const [db, what, error] of [
  [5, 'another database', undefined],
  [0, 'the database', WAS_FLUSHED],
] as const) {
  test(`rump ${error ? 'fails' : 'goes on'} where many keys are deleted and ${what} is flushed meanwhile`, async (t) => {
    const server = await lend(t);
    const [client, other] = await Promise.all([server.client(), server.client(5)]);
    await Promise.all([fill(client, 'key'), fill(other, 'other')]);
    const result = await copyWhileScanned(t, server, async () => {
      await client.pipeline(Array.from({ length: KEYS / 2 }, (_, i) => ['DEL', `key:${i}`]));
      await (db === 0 ? client : other).send('FLUSHDB');
    });
    if (error === undefined) assertDone(result);
    else assertFailed(result, { error });
  });
}

test('rump fails where the source takes on the data of an empty server meanwhile', async (t) => {
  const [server, empty] = await Promise.all([lend(t), lend(t)]);
  const client = await server.client();
  await fill(client, 'key');
  const becomeReplica = async (): Promise<void> => {
    await client.send('REPLICAOF', '127.0.0.1', empty.port);
    await untilInStep(client);
  };
  const result = await copyWhileScanned(t, server, becomeReplica);
  const error = new RegExp(
    `held ${HELD} when it began, 0 were seen, and 0 are left; it is another server, or holds other data, by now`,
  );
  assertFailed(result, { error });
});

/** The names come in one page, the values in a second; one of four goes with the pattern. */
const NAMES_FIRST = {
  options: ['--bwlimit', '1M', '--buffer', '1M', '--retry-max', '50ms'],
  keys: 20,
  lift: ['bwlimit', '0'],
};
const WIDE = Array.from({ length: 500 }, (_, i) => ['SET', `key:${i}`, randomBytes(20_000)]);

for (const [what, options, found] of variants<[string, string[], number]>(
  ['are read, behind a pattern,', ['--match', 'key:*[0-4]'], 250],
  ['are read', [], 500],
  ['are read in pieces', ['--big-key', '4k'], 500],
)) {
  test(`rump fails where the source is flushed after its names and before its values ${what}`, async (t) => {
    const server = await lend(t);
    const client = await server.client();
    await client.pipeline(WIDE);
    const pace = { ...NAMES_FIRST, options: [...NAMES_FIRST.options, ...options] };
    const result = await copyMeanwhile(t, server.url, () => client.send('FLUSHALL'), pace);
    const error = new RegExp(
      `of ${found} keys found in database 0 .* were gone when they were to be read; it was flushed`,
    );
    assertFailed(result, { error });
  });
}

longTest('rump takes values that are deleted before they are read for no fault', async (t) => {
  const server = await lend(t);
  const client = await server.client();
  await client.pipeline(WIDE);
  const keys = WIDE.map((_, i) => `key:${i}`);
  assertDone(await copyMeanwhile(t, server.url, () => client.send('DEL', ...keys), NAMES_FIRST));
});

test('rump fails where a database is flushed before its turn has come', async (t) => {
  const server = await lend(t);
  const client = await server.client();
  await fill(client, 'key');
  await client.pipeline([['SELECT', 1], ...Array.from({ length: 100 }, (_, i) => ['SET', `key:${i}`, i])]);
  const result = await copyWhileScanned(t, server, () => client.send('FLUSHDB'), ['--db', 'all']);
  assertFailed(result, {
    error: /database 1 of .* held 100 when it began, 0 were seen, and 0 are left; it was flushed/,
  });
});

test('rump takes keys that are deleted meanwhile for no fault', async (t) => {
  const server = await lend(t);
  const client = await server.client();
  await fill(client, 'key');
  const keys = Array.from({ length: KEYS }, (_, i) => `key:${i}`);
  assertDone(await copyMeanwhile(t, server.url, () => client.send('DEL', ...keys.slice(0, KEYS * 0.8))));
});
