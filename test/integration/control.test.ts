// What a copy can be told while it runs: through a socket of its own, by rump ctl and by redis-cli.
import assert from 'node:assert/strict';
import { existsSync, lstatSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, beforeEach, test, type TestContext } from 'node:test';
import { kill } from '../support/broken-off.ts';
import { callsOf } from '../support/command-stats.ts';
import type { TestClient } from '../support/client.ts';
import { startControlled, statusOf, until, type Controlled } from '../support/controlled.ts';
import { assertSameData } from '../support/keyspace.ts';
import { borrow, giveBack } from '../support/lent-servers.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone, assertFailed, assertRefused } from '../support/outcome.ts';
import type { TestServer } from '../support/redis-server.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump, spawnRump, type RumpResult } from '../support/rump.ts';
import { longTest, variants } from '../support/tier.ts';

const KEYS = 3000;
/** So few keys a second that a run is not over before it was told anything. */
const SLOWLY = ['--tpslimit', '200'];
const STOPPED = /^rump: Stopped by the control socket before everything was done$/;

let source: TestServer;
let target: TestServer;
let from: TestClient;
let to: TestClient;
let endpoints: readonly string[];

before(async () => {
  [source, target] = await Promise.all([borrow(), borrow()]);
  [from, to] = await Promise.all([source.client(), target.client()]);
  endpoints = ['--from', source.url, '--to', target.url];
});
after(() => Promise.all([source, target].map(giveBack)));
beforeEach(async () => {
  for (const client of [from, to]) await client.pipeline([['FLUSHALL'], ['CONFIG', 'RESETSTAT']]);
  const value = Buffer.alloc(100, 'x');
  await from.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, value]));
});

const hasWritten = async (): Promise<boolean> => ((await to.send('DBSIZE')) as number) > 0;

/** How often the source was asked for a key that it has, and how many keys the target has. */
async function asked(): Promise<readonly [hits: number, keys: number]> {
  const stats = String(await from.send('INFO', 'stats'));
  return [Number(/^keyspace_hits:(\d+)/m.exec(stats)![1]), (await to.send('DBSIZE')) as number];
}

/** The connections that are not ours. */
async function othersOf(client: TestClient): Promise<string[]> {
  const own = String(await client.send('CLIENT', 'ID'));
  const ids = Array.from(String(await client.send('CLIENT', 'LIST')).matchAll(/^id=(\d+)/gm), ([, id]) => id!);
  return ids.filter((id) => id !== own);
}

/** It is slow, unless other arguments are given. */
function start(t: TestContext, args: readonly string[] = SLOWLY, ends = endpoints): Promise<Controlled> {
  return startControlled(t, [...ends, ...args]);
}

/** One that signals reach, and whose time is its own. */
function startProcess(t: TestContext, args: readonly string[] = SLOWLY): Promise<Controlled> {
  return startControlled(t, [...endpoints, ...args], spawnRump);
}

function withoutSocket({ path }: Controlled, result: RumpResult): RumpResult {
  assert.equal(existsSync(path), false, 'The socket is still there');
  return result;
}

test('rump --control tells how far a copy is, in lines and as JSON, and removes its socket at the end', async (t) => {
  const run = await start(t);
  assert.equal(lstatSync(run.path).mode & 0o777, 0o600);
  await until(run, ({ keys }) => (keys as number) > 100);
  const lines = new Map((await run.tell('STATUS')).split('\n').map((line) => line.split(': ') as [string, string]));
  assert.deepEqual(
    ['phase', 'paused', 'failed', 'bwlimit', 'tpslimit', 'max-latency'].map((name) => lines.get(name)),
    ['copying', 'no', '0', 'none', '200 keys/s', '50 ms'],
  );
  assert.match(lines.get('done')!, /^\d+ %$/);
  assert.match(lines.get('rate')!, /^[\d,]+ keys\/s, [\d,]+ bytes\/s$/);
  const { phase, keys, bytes, fraction, keysPerSecond, bwlimit } = await statusOf(run);
  assert.deepEqual([phase, bwlimit], ['copying', null]);
  assert.ok((keys as number) >= Number(lines.get('keys')) && (keys as number) <= KEYS, `${String(keys)} keys`);
  assert.ok((bytes as number) > (keys as number) && (fraction as number) < 1);
  assert.ok((keysPerSecond as number) > 0 && (keysPerSecond as number) < 400, `${String(keysPerSecond)} keys/s`);
  await run.tell('tpslimit', '0');
  assertDone(withoutSocket(run, await run.running.done));
  await assertSameData(from, to);
});

/** What was on its way has come: twice rump itself has answered since, and nothing was read or written. */
async function standingStill(run: Controlled): Promise<readonly [hits: number, keys: number]> {
  let before = await asked();
  let still = 0;
  await underWay(run.running, async () => {
    await statusOf(run);
    const [last, now] = [before, await asked()];
    before = now;
    still = last[0] === now[0] && last[1] === now[1] ? still + 1 : 0;
    return still === 2;
  });
  return before;
}

test('rump reads and writes nothing while it is paused, and then goes on', async (t) => {
  const run = await start(t);
  await underWay(run.running, hasWritten);
  assert.equal(await run.tell('PAUSE'), 'OK\n');
  const before = await standingStill(run);
  assert.ok(before[1] < KEYS, 'All was written before the pause');
  await run.tell('tpslimit', '0');
  assert.deepEqual(await asked(), before);
  await run.tell('resume');
  assertDone(await run.running.done);
  await assertSameData(from, to);
});

test('rump that is paused for longer than servers wait for a client has lost nothing when it goes on', async (t) => {
  // So few that all are read when the first is written: a connection that is not read from costs a try.
  const keys = 1000;
  await from.send('FLUSHALL');
  await from.pipeline(Array.from({ length: keys }, (_, i) => ['SET', `key:${i}`, i]));
  const closeIdle = (seconds: number) =>
    Promise.all([from, to].map((client) => client.send('CONFIG', 'SET', 'timeout', seconds)));
  t.after(() => closeIdle(0));
  const run = await startProcess(t, [...SLOWLY, '--timeout', '1s', '--retries', '0']);
  await underWay(run.running, hasWritten);
  await run.tell('pause');
  const before = await standingStill(run);
  assert.ok(before[1] < keys, 'All was written before the pause');
  // Both servers are tired of waiting, until nothing is left of what was open by now.
  await closeIdle(2);
  const others = async (): Promise<string[][]> => [await othersOf(from), await othersOf(to)];
  const first = await others();
  assert.ok(first.every(({ length }) => length > 0));
  await underWay(run.running, async () => {
    const now = await others();
    return first.every((ids, side) => ids.every((id) => !now[side]!.includes(id)));
  });
  await closeIdle(0);
  assert.deepEqual(await asked(), before);
  assert.equal((await statusOf(run))['paused'], true);
  await run.tell('tpslimit', '0');
  await run.tell('resume');
  const result = await run.running.done;
  assertDone(result);
  assert.doesNotMatch(result.stderr, /lost|again/i);
  await assertSameData(from, to);
});

test('rump goes on with another limit at once, and what is owed under the old one is paid at the new rate', async (t) => {
  const run = await start(t, ['--bwlimit', '1']);
  await underWay(run.running, hasWritten);
  assert.equal(await to.send('DBSIZE'), 1, 'A key is paid for in a hundred seconds');
  await run.tell('bwlimit', '10k');
  await underWay(run.running, async () => ((await to.send('DBSIZE')) as number) > 20);
  await run.tell('tpslimit', '1');
  await run.tell('bwlimit', '0');
  const { bwlimit, tpslimit } = await statusOf(run);
  assert.deepEqual([bwlimit, tpslimit], [null, 1]);
  await run.tell('tpslimit', '0');
  assertDone(await run.running.done);
  await assertSameData(from, to);
});

for (const [what, latency, inPieces] of [
  ['less', '1ms', true],
  ['more', '1h', false],
] as const) {
  longTest(`rump lets clients of the source wait ${what} where it is told to`, async (t) => {
    await from.pipeline(Array.from({ length: 20_000 }, (_, i) => ['HSET', 'hash', `field:${i}`, 'x'.repeat(50)]));
    source.pause();
    t.after(() => source.resume());
    const run = await start(t, ['--max-latency', inPieces ? '1h' : '1ms']);
    assert.equal((await statusOf(run))['phase'], 'connecting');
    await run.tell('maxlatency', latency);
    await run.tell('tpslimit', '0');
    source.resume();
    assertDone(await run.running.done);
    assert.equal((await callsOf(from)).has('hscan'), inPieces);
    await assertSameData(from, to);
  });
}

test('rump stops when it is told to abort, paused or not, and before a server has answered', async (t) => {
  for (const before of [[], ['pause']]) {
    await to.send('FLUSHALL');
    const run = await start(t);
    await underWay(run.running, hasWritten);
    for (const word of before) await run.tell(word);
    await run.tell('abort');
    const result = withoutSocket(run, await run.running.done);
    assertFailed(result, { code: 75, error: STOPPED });
    assert.match(result.stderr, /^rump: [\d,]+ keys, /m);
  }
  source.pause();
  t.after(() => source.resume());
  const run = await start(t);
  await run.tell('abort');
  assertFailed(withoutSocket(run, await run.running.done), { code: 75, error: STOPPED });
});

for (const [signals, code] of variants(
  ...([
    [['SIGTERM'], 143],
    [['SIGINT', 'SIGINT'], 130],
  ] as const),
)) {
  test(`rump removes its socket on ${signals.join(' and ')}, though it is paused`, async (t) => {
    const run = await startProcess(t);
    await underWay(run.running, hasWritten);
    await run.tell('pause');
    for (const signal of signals) run.running.child.kill(signal);
    assert.equal(withoutSocket(run, await run.running.done).code, code);
  });
}

test('rump refuses a socket that another run has, and takes the place of one that was killed', async (t) => {
  const run = await startProcess(t);
  await underWay(run.running, hasWritten);
  const again = [...endpoints, '--control', run.path];
  const error = new RegExp(`^rump: Cannot listen on ${run.path}: it is in use by another run`);
  assertRefused(await runRump(again), { error });
  assert.equal((await statusOf(run))['phase'], 'copying');
  await kill(run.running);
  assert.ok(lstatSync(run.path).isSocket());
  assertRefused(await runRump(['ctl', run.path, 'status']), { error: /: connection refused, nothing listens there / });
  assert.equal((await runRump(again)).code, 0);
  assertRefused(await runRump(['ctl', run.path, 'status']), { error: /: no such socket \(it is there while/ });
});

longTest('rump controls a copy between files as well', async (t) => {
  const [file, copy] = ['a.resp', 'b.resp'].map((name) => join(folderOf(t), name)) as [string, string];
  for (const ends of [
    ['--from', source.url, '--to', file],
    ['--from', file, '--to', copy],
    ['--from', copy, '--to', target.url],
  ]) {
    const run = await start(t, ['--tpslimit', '100'], ends);
    await run.tell('pause');
    await run.tell('tpslimit', '0');
    const { keys } = await statusOf(run);
    assert.ok((keys as number) < KEYS);
    await run.tell('resume');
    assertDone(await run.running.done);
  }
  await assertSameData(from, to);
});

test('rump pauses a value that goes in pieces, and one at which the source is read twice', async (t) => {
  await from.send('FLUSHALL');
  await from.pipeline(Array.from({ length: 6000 }, (_, i) => ['RPUSH', 'list', `${i}`.padEnd(100, 'x')]));
  const run = await start(t, ['--big-key', '20k', '--bwlimit', '50k']);
  const pieces = async (): Promise<number> => (await callsOf(to)).get('rpush') ?? 0;
  await underWay(run.running, async () => (await pieces()) > 0);
  await run.tell('pause');
  await run.tell('bwlimit', '0');
  const before = await pieces();
  assert.equal((await statusOf(run))['keys'], 0);
  assert.ok((await pieces()) - before <= 1, 'It goes on');
  await run.tell('resume');
  assertDone(await run.running.done);
  await assertSameData(from, to);
});

longTest('rump copies on whatever strangers do to its socket', async (t) => {
  const run = await start(t, ['--tpslimit', '2000']);
  const rude = Array.from({ length: 100 }, (_, i) => {
    const socket = net.connect(run.path);
    t.after(() => socket.destroy());
    socket.on('error', () => {});
    socket.write(i % 3 === 0 ? 'STATUS\n'.repeat(100_000) : i % 3 === 1 ? '*2\r\n$6\r\nSTA' : 'x'.repeat(1_000_000));
    return socket.pause();
  });
  assertDone(await run.running.done);
  assert.equal(rude.length, 100);
  await assertSameData(from, to);
});
