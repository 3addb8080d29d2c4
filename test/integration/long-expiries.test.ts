// Expiries beyond what numbers hold, up to the last millisecond that servers know: each crosses digit by digit, by every way.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { assertDifferent, assertEqual, AT_ONCE, runCheck } from '../support/check.ts';
import type { TestClient } from '../support/client.ts';
import { borrow, giveBack } from '../support/lent-servers.ts';
import { assertDone } from '../support/outcome.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump } from '../support/rump.ts';
import { knows } from '../support/server-facts.ts';
import { serversWith, VERSIONS } from '../support/server-versions.ts';

/** "For ever", what a double would round, and what has more than nine digits above 2^32. */
const EXPIRIES = [2n ** 63n - 1n, 2n ** 63n - 2n, 2n ** 53n + 1n, 2n ** 32n * 10n ** 9n + 1n, 2n ** 53n - 1n];
const LARGE = ['--big-key', '1k'];
/** To these databases the source is copied. */
const [BY_RESTORE, BY_STREAM, BY_PIECES, BY_SNAPSHOT, BY_WHAT_IS_LEFT] = [1, 2, 3, 4, 5];

let server: TestServer;
let source: TestClient;

before(async () => {
  server = await borrow();
  source = await server.client();
  await fill(source);
  // To this user the server is one of before Redis 7.0.
  await source.send('ACL', 'SETUSER', 'old', 'on', '>pw', '~*', '+@all', '-pexpiretime');
});
after(() => giveBack(server));

async function fill(client: TestClient): Promise<void> {
  for (const [i, expiry] of EXPIRIES.entries()) {
    await client.send('SET', `string:${i}`, i);
    await client.send('RPUSH', `list:${i}`, ...Array.from({ length: 400 }, (_, item) => `item ${item}`));
    for (const type of ['string', 'list']) await client.send('PEXPIREAT', `${type}:${i}`, String(expiry));
  }
}

async function expiriesIn(client: TestClient, command = 'PEXPIRETIME'): Promise<bigint[]> {
  const keys = EXPIRIES.flatMap((_, i) => [`string:${i}`, `list:${i}`]);
  return (await client.pipeline(keys.map((key) => [command, key]))).map((reply) => BigInt(reply as number | bigint));
}

const EXPECTED = EXPIRIES.flatMap((expiry) => [expiry, expiry]);

test('rump carries expiries up to 2^63 - 1 to the millisecond, and a check compares them to the millisecond', async () => {
  const endpoints = ['--from', server.url, '--to', `${server.url}/${BY_RESTORE}`];
  const target = await server.client(BY_RESTORE);
  assertDone(await runRump(endpoints));
  assert.deepEqual(await expiriesIn(target), EXPECTED);
  assertEqual(await runCheck(endpoints), EXPECTED.length);
  await target.send('PEXPIREAT', 'string:0', String(2n ** 63n - 3n));
  await target.send('PEXPIREAT', 'list:2', String(2n ** 53n + 2n));
  const lines = ['* string:0\texpires 2 ms earlier at the target', '* list:2\texpires 1 ms later at the target'];
  assertDifferent(await runCheck([...endpoints, ...AT_ONCE]), lines);
  assertEqual(await runCheck([...endpoints, '--ttl-tolerance', '2ms']), EXPECTED.length);
});

test('rump carries expiries up to 2^63 - 1 through a stream of RESTORE commands', async (t) => {
  const path = join(folderOf(t), 'f.resp');
  assertDone(await runRump(['--from', server.url, '--to', path]));
  assertDone(await runRump(['--from', path, '--to', `${server.url}/${BY_STREAM}`]));
  assert.deepEqual(await expiriesIn(await server.client(BY_STREAM)), EXPECTED);
  assertEqual(await runCheck(['--from', server.url, '--to', path]), EXPECTED.length);
});

test('rump carries expiries up to 2^63 - 1 of values that go in pieces', async () => {
  const endpoints = ['--from', server.url, '--to', `${server.url}/${BY_PIECES}`, ...LARGE];
  assertDone(await runRump(endpoints));
  assert.deepEqual(await expiriesIn(await server.client(BY_PIECES)), EXPECTED);
  assertEqual(await runCheck(endpoints), EXPECTED.length);
});

test('rump carries expiries up to 2^63 - 1 out of a snapshot', async () => {
  await source.send('SAVE');
  const target = `${server.url}/${BY_SNAPSHOT}`;
  const snapshot = join(server.dir, 'dump.rdb');
  assertDone(await runRump(['--from', snapshot, '--db', '0', '--to', target]));
  assert.deepEqual(await expiriesIn(await server.client(BY_SNAPSHOT)), EXPECTED);
  assertEqual(await runCheck(['--from', snapshot, '--db', '0', '--to', target]), EXPECTED.length);
});

test('rump loses no key to an expiry that what is left of it cannot be added to a clock', async () => {
  const from = server.url.replace('//', '//old:pw@');
  for (const way of [[], LARGE]) {
    const endpoints = ['--from', from, '--to', `${server.url}/${BY_WHAT_IS_LEFT}`, ...way];
    assertDone(await runRump(endpoints));
    const carried = await expiriesIn(await server.client(BY_WHAT_IS_LEFT));
    for (const [i, expiry] of EXPECTED.entries()) {
      const apart = expiry - carried[i]!;
      // What is there for ever is so for some centuries less.
      assert.ok(apart > -2000n && apart < (expiry > 2n ** 62n ? 2n ** 44n : 2000n), `${carried[i]} for ${expiry}`);
    }
    assertEqual(await runCheck(endpoints), EXPECTED.length);
  }
});

for (const { name, binary } of serversWith(...VERSIONS)) {
  test(`${name} takes expiries up to 2^63 - 1 from rump, and gives them away`, async (t) => {
    const other = await startServer({ binary });
    t.after(() => other.stop());
    const client = await other.client();
    assertDone(await runRump(['--from', server.url, '--to', other.url]));
    if (await knows(client, 'PEXPIRETIME')) assert.deepEqual(await expiriesIn(client), EXPECTED);
    else {
      const now = BigInt(Date.now());
      for (const [i, left] of (await expiriesIn(client, 'PTTL')).entries()) {
        const apart = EXPECTED[i]! - now - left;
        assert.ok(apart > -2000n && apart < 2000n, `${left} left of ${EXPECTED[i]}`);
      }
    }
    assertEqual(await runCheck(['--from', other.url, '--to', server.url]), EXPECTED.length);
  });
}
