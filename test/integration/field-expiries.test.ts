// Expiries of hash fields are treated as those of keys are: dropped, moved between clocks, compared with a tolerance.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { assertDifferent, assertEqual, AT_ONCE, runCheck } from '../support/check.ts';
import type { TestClient } from '../support/client.ts';
import { withOtherClock } from '../support/other-clock.ts';
import { assertDone } from '../support/outcome.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump } from '../support/rump.ts';
import { fieldExpiriesOf, knows } from '../support/server-facts.ts';
import { serversWith } from '../support/server-versions.ts';

const FAR_AWAY = 4_102_444_800_123;
const HASHES = ['packed', 'long', 'mixed'];
const DIFFERENT = HASHES.map((key) => `* ${key}\tfield expiries`);
const TARGET_DB = 9;
/** Above this the long hash goes in pieces. */
const IN_PIECES = ['--big-key', '4k'];
const DEBUG = ['--enable-debug-command', 'yes'];

for (const { name, binary } of serversWith('redis-8.0', 'valkey-9.1')) {
  let server: TestServer;
  /** On database 0, which has hashes of which fields expire, and on the one that they are copied to. */
  let [from, to]: TestClient[] = [];

  /** A target that has nothing as yet. */
  const emptied = async (): Promise<{ from: TestClient; to: TestClient; endpoints: readonly string[] }> => {
    await to!.send('FLUSHDB');
    return { from: from!, to: to!, endpoints: ['--from', server.url, '--to', `${server.url}/${TARGET_DB}`] };
  };

  before(async () => {
    server = await startServer({ binary, args: DEBUG });
    [from, to] = [await server.client(), await server.client(TARGET_DB)];
    await fill(from);
  });
  after(() => server.stop());

  for (const [way, options] of [
    ['by their payloads', []],
    ['in pieces', IN_PIECES],
  ] as const) {
    test(`rump --no-ttl drops the expiries of fields, ${way} (${name})`, async () => {
      const { from, to, endpoints } = await emptied();
      assertDone(await runRump([...endpoints, '--no-ttl', ...options]));
      await assertDropped(from, to);
      assertEqual(await runCheck([...endpoints, '--no-ttl', ...options]), HASHES.length);
      assertDifferent(await runCheck([...endpoints, ...AT_ONCE]), DIFFERENT);
    });

    test(`rump moves the expiries of fields where the clocks are apart, ${way} (${name})`, async (t) => {
      const { from, to } = await emptied();
      const ahead = 3600;
      const target = `${await withOtherClock(t, server.port, ahead)}/${TARGET_DB}`;
      const endpoints = ['--from', server.url, '--to', target, ...options];
      assertDone(await runRump(endpoints));
      for (const key of HASHES) {
        const [before, after] = [await fieldExpiriesOf(from, key), await fieldExpiriesOf(to, key)];
        assert.deepEqual(Object.keys(after).toSorted(), Object.keys(before).toSorted());
        for (const [field, expireAt] of Object.entries(after)) {
          const off = expireAt - before[field]! - ahead * 1000;
          assert.ok(Math.abs(off) < 1000, `${key} ${field} is off by ${off} ms`);
        }
      }
      assertEqual(await runCheck(endpoints), HASHES.length);
    });

    test(`rump check --ttl-tolerance holds for the expiries of fields, ${way} (${name})`, async () => {
      const { to, endpoints } = await emptied();
      assertDone(await runRump(endpoints));
      for (const key of HASHES) await to.send('HPEXPIREAT', key, FAR_AWAY + 900, 'FIELDS', 1, 'soon');
      const check = [...endpoints, ...options, ...AT_ONCE, '--ttl-tolerance'];
      assertEqual(await runCheck([...check, '1s']), HASHES.length);
      assertDifferent(await runCheck([...check, '500ms']), DIFFERENT);
      // A field that never expires is not close to one that does.
      await to.send('HPERSIST', 'long', 'FIELDS', 1, 'soon');
      assert.equal((await runCheck([...check, '1s'])).code, 3);
    });
  }

  test(`rump --no-ttl drops the expiries of fields that are in files (${name})`, async (t) => {
    const { from, to } = await emptied();
    const target = `${server.url}/${TARGET_DB}`;
    const [stream, dropped] = ['f.resp', 'dropped.resp'].map((file) => join(folderOf(t), file)) as [string, string];
    await from.send('SAVE');
    assertDone(await runRump(['--from', server.url, '--to', stream]));
    for (const args of [
      ['--from', stream],
      ['--from', join(server.dir, 'dump.rdb'), ...IN_PIECES],
    ]) {
      await to.send('FLUSHDB');
      const endpoints = [...args, '--db', '0', '--to', target, '--no-ttl'];
      assertDone(await runRump(endpoints));
      await assertDropped(from, to);
      assertEqual(await runCheck(endpoints), HASHES.length);
    }
    assertDone(await runRump(['--from', server.url, '--to', dropped, '--no-ttl']));
    assertEqual(await runCheck(['--from', dropped, '--db', '0', '--to', target]), HASHES.length);
  });

  test(`rump carries field expiries beyond 2^53, where a server has them (${name})`, async () => {
    const { from, to, endpoints } = await emptied();
    const [reply] = await from.pipeline([['HPEXPIREAT', 'long', String(2n ** 63n - 1n), 'FIELDS', 1, 'b']]);
    // Redis takes no more than 46 bits of them.
    if (reply instanceof Error) assert.equal(name, 'redis-8.0');
    for (const options of [[], IN_PIECES]) {
      assertDone(await runRump([...endpoints, ...options]));
      assert.deepEqual(await fieldExpiriesOf(to, 'long'), await fieldExpiriesOf(from, 'long'));
      assertEqual(await runCheck([...endpoints, ...options]), HASHES.length);
    }
  });

  test(`rump --no-ttl brings no field back that has expired (${name})`, async () => {
    const { from, to, endpoints } = await emptied();
    await from.send('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
    await from.send('HSET', 'gone', 'a', '1');
    for (const key of ['packed', 'gone']) await from.send('HPEXPIRE', key, 1, 'FIELDS', 1, 'a');
    while ((await from.send('HEXISTS', 'packed', 'a')) !== 0) await from.send('PING');
    assertDone(await runRump([...endpoints, '--no-ttl']));
    assert.equal(await to.send('HEXISTS', 'packed', 'a'), 0);
    assert.equal(await to.send('EXISTS', 'gone'), 0);
    assertEqual(await runCheck([...endpoints, '--no-ttl']));
  });
}

async function assertDropped(from: TestClient, to: TestClient): Promise<void> {
  for (const key of HASHES) {
    assert.deepEqual(await fieldExpiriesOf(to, key), {});
    assert.deepEqual(await pairsOf(to, key), await pairsOf(from, key));
  }
}

async function fill(client: TestClient): Promise<void> {
  assert.ok(await knows(client, 'HPEXPIREAT'));
  const many = Array.from({ length: 2000 }, (_, i) => [`field ${i}`, `value ${i}`]).flat();
  for (const [key, fields] of [
    ['packed', []],
    ['long', many],
    ['mixed', ['x'.repeat(300), '1']],
  ] as const) {
    await client.send('HSET', key, 'a', '1', 'b', '2', 'soon', '3', ...fields);
    await client.send('HPEXPIREAT', key, FAR_AWAY, 'FIELDS', 1, 'soon');
    if (key !== 'mixed') await client.send('HPEXPIREAT', key, FAR_AWAY + 86_400_000, 'FIELDS', 1, 'a');
  }
}

async function pairsOf(client: TestClient, key: string): Promise<Record<string, string>> {
  const flat = ((await client.send('HGETALL', key)) as Buffer[]).map(String);
  return Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]));
}
