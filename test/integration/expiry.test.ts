// Expiries cross to the millisecond where both servers can say it, within a second otherwise, and are never lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../support/client.ts';
import { assertSameData, snapshot } from '../support/keyspace.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone, linesOf } from '../support/outcome.ts';
import type { TestServer } from '../support/redis-server.ts';
import { runRump, startRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { startProxy } from '../support/tcp-proxy.ts';

test('rump carries each expiry to the exact millisecond', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fillExpiring(from, 2000, (i) => Date.now() + 30_000 + i * 1_234_567);
  const result = await runRump([...endpoints, '--json']);
  assert.equal(result.code, 0, result.stderr);
  const { expiry } = eventOf(result.stdout, 'start');
  assert.equal(expiry, (await knowsExpireTime(from)) ? 'exact' : 'relative');
  await assertSameData(from, to);
});

test('rump keeps expiries within a second where the source cannot tell the millisecond', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await fillExpiring(from, 2000, (i) => Date.now() + 30_000 + i * 1_234_567);
  await denyExpireTime(from);
  const result = await runRump(['--from', asOld(source), '--to', target.url, '--json']);
  assert.equal(result.code, 0, result.stderr);
  assert.equal(eventOf(result.stdout, 'start').expiry, 'relative');
  await assertSameData(from, to, { ttl: 'relative' });
});

test('rump takes off the time that a value waited in its buffer', async (t) => {
  const { source, target, from, to } = await startPair(t);
  const slow = await startProxy({ port: target.port });
  t.after(() => slow.close());
  await from.send('CONFIG', 'SET', 'rdbcompression', 'no');
  const value = Buffer.alloc(100_000, 'x');
  await from.pipeline(Array.from({ length: 400 }, (_, i) => ['SET', `key:${i}`, value, 'EX', 1000]));
  await denyExpireTime(from);
  const running = startRump(['--from', asOld(source), '--to', slow.url]);
  await underWay(running, () => slow.bytesUp > 100_000);
  slow.stall();
  await sleep(1500);
  slow.unstall();
  assertDone(await running.done);
  const [expected, actual] = [await snapshot(from), await snapshot(to)];
  const shifts = [...expected].map(([key, { expireAt }]) => Math.abs(actual.get(key)!.expireAt! - expireAt!));
  // What had left rump already waited in the buffers of the system, which hold a few MB.
  const right = shifts.filter((shift) => shift < 1000).length;
  assert.ok(right > 200, `${right} of ${shifts.length} expiries are right`);
});

for (const mode of ['exact', 'relative'] as const) {
  test(`rump makes no key immortal that is about to expire (${mode})`, async (t) => {
    const { source, target, from, to } = await startPair(t);
    if (mode === 'relative') await denyExpireTime(from);
    // They expire before, while and after rump reads them, a few in each millisecond.
    const start = Date.now();
    await fillExpiring(from, 10_000, (i) => start + 1000 + i * 0.15);
    const url = mode === 'relative' ? asOld(source) : source.url;
    const result = await runRump(['--from', url, '--to', target.url]);
    assertDone(result);
    const copied = Number(/^rump: ([\d,]+) keys/.exec(result.stderr)?.[1]?.replaceAll(',', ''));
    assert.ok(copied > 0, 'All had expired before rump came to them');
    await sleep(Math.max(0, start + 3000 - Date.now()));
    assert.deepEqual([...(await snapshot(to)).keys()].slice(0, 5), []);
  });
}

test('rump counts the keys that expire during the copy, and the target does not have them', async (t) => {
  const { source, target, from, to } = await startPair(t);
  const slow = await startProxy({ port: target.port });
  t.after(() => slow.close());
  const value = Buffer.alloc(20_000, 'x');
  await from.send('CONFIG', 'SET', 'rdbcompression', 'no');
  await from.pipeline(Array.from({ length: 2000 }, (_, i) => ['SET', `key:${i}`, value]));
  // To fill it takes longer than to begin.
  const expireAt = Date.now() + 4000;
  await from.pipeline(Array.from({ length: 1000 }, (_, i) => ['PEXPIREAT', `key:${2 * i}`, expireAt]));

  const running = startRump(['--from', source.url, '--to', slow.url, '--buffer', '1M', '--json']);
  await underWay(running, () => slow.bytesUp > 100_000);
  slow.stall();
  assert.ok(Date.now() < expireAt, 'It took too long to begin');
  await sleep(expireAt + 100 - Date.now());
  slow.unstall();
  const result = await running.done;

  assert.equal(result.code, 0, result.stderr);
  const { keys, expired, failed } = eventOf(result.stdout, 'done');
  assert.equal(keys + expired, 2000);
  assert.equal(failed, 0);
  assert.ok(expired > 100 && expired <= 1000, `${expired} expired`);
  // Without the exact time, what was under way between the systems expires later by as long as it was held up.
  if (!(await knowsExpireTime(from))) await sleep(2000);
  const there = await snapshot(to);
  assert.equal(there.size, 1000);
  for (const { expireAt } of there.values()) assert.equal(expireAt, null);
});

test('rump reads the clock of a source once more that is slow to hear it', async (t) => {
  const { source, target } = await startPair(t);
  const slow = await startProxy({ port: source.port });
  t.after(() => slow.close());
  slow.stall('up');
  const running = startRump(['--from', slow.url, '--to', target.url, '--dry-run', '--json']);
  await underWay(running, () => slow.connections > 0);
  await sleep(800);
  slow.unstall('up');
  const result = await running.done;
  const { clockSkew } = eventOf(result.stdout, 'start');
  // Half of the time that the first answer took would be 400.
  assert.ok(Math.abs(clockSkew) < 200, String(clockSkew));
});

test('rump takes an expiry away from a key that it replaces with one that has none', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await from.send('SET', 'key', 'new');
  await to.send('SET', 'key', 'old', 'EX', 1000);
  assertDone(await runRump(endpoints));
  await assertSameData(from, to);
});

interface Event {
  readonly expiry: string;
  readonly keys: number;
  readonly expired: number;
  readonly failed: number;
  readonly clockSkew: number;
}

function eventOf(stdout: string, name: string): Event {
  const events = linesOf(stdout).map((line) => JSON.parse(line) as Event & { readonly event: string });
  const found = events.filter(({ event }) => event === name);
  assert.equal(found.length, 1, `${found.length} events are "${name}" in ${stdout}`);
  return found[0]!;
}

async function fillExpiring(client: TestClient, keys: number, expireAt: (index: number) => number): Promise<void> {
  const all = Array.from({ length: keys }, (_, i) => i);
  await client.pipeline(
    all.flatMap((i) => [
      ['SET', `key:${i}`, i],
      ['PEXPIREAT', `key:${i}`, Math.round(expireAt(i))],
    ]),
  );
}

/** A user `old` with the password `pw`, to whom the server is as Redis before 7.0. */
async function denyExpireTime(client: TestClient): Promise<void> {
  const rules = ['on', '>pw', '~*', '+@all'];
  if (await knowsExpireTime(client)) rules.push('-pexpiretime');
  await client.send('ACL', 'SETUSER', 'old', ...rules);
}

function asOld(server: TestServer): string {
  return server.url.replace('//', '//old:pw@');
}

async function knowsExpireTime(client: TestClient): Promise<boolean> {
  const [reply] = await client.pipeline([['PEXPIRETIME', 'key']]);
  return !(reply instanceof Error);
}
