// Hashes without fields, which Valkey 9.1 makes by COPY of one whose fields have all expired: they are there and hold nothing, no
// server restores them, and they count as gone.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertDifferent, assertEqual, AT_ONCE, runCheck } from '../support/check.ts';
import type { TestClient } from '../support/client.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone } from '../support/outcome.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump, startRump } from '../support/rump.ts';
import { serversWith } from '../support/server-versions.ts';

for (const { name, binary } of serversWith('valkey-9.1')) {
  let source: TestServer;
  let target: TestServer;
  let from: TestClient;
  let to: TestClient;
  let endpoints: readonly string[];

  before(async () => {
    [source, target] = await Promise.all([
      startServer({ binary, args: ['--enable-debug-command', 'yes', '--repl-diskless-sync-delay', '0'] }),
      startServer(),
    ]);
    [from, to] = await Promise.all([source.client(), target.client()]);
    await from.send('DEBUG', 'SET-ACTIVE-EXPIRE', 0);
    endpoints = ['--from', source.url, '--to', target.url];
  });
  after(() => Promise.all([source.stop(), target.stop()]));
  beforeEach(async () => {
    await Promise.all([from.send('FLUSHALL'), to.send('FLUSHALL')]);
    await from.send('SET', 'fine', 'value');
  });

  /** The value of this key is emptied. */
  async function empty(key: string): Promise<void> {
    await from.send('HSETEX', 'other', 'PX', 1, 'FIELDS', 1, 'field', 'value');
    const isThere = async (): Promise<boolean> =>
      String(await from.send('HPTTL', 'other', 'FIELDS', 1, 'field')) !== '-2';
    while (await isThere()) await sleep(1);
    await from.send('COPY', 'other', key, 'REPLACE');
    await from.send('DEL', 'other');
    assert.deepEqual([await from.send('EXISTS', key), await from.send('HLEN', key)], [1, 0], 'it is there, and empty');
  }

  test(`A hash without fields counts as gone in a copy (${name})`, async () => {
    await empty('hash');
    const result = await runRump(endpoints);
    assertDone(result);
    assert.match(result.stderr, /^rump: 1 key, .* 1 expired on the way, 0 failed$/m);
    assert.deepEqual(await to.send('KEYS', '*').then(String), 'fine');
  });

  test(`A hash without fields is none in a check, on either side (${name})`, async () => {
    await empty('hash');
    await to.send('SET', 'fine', 'value');
    const back = ['--from', target.url, '--to', source.url];
    assertEqual(await runCheck([...endpoints, ...AT_ONCE]), 1);
    assertEqual(await runCheck([...back, '--recheck-interval', '1ms']), 1);
    await to.send('HSET', 'hash', 'field', 'value');
    assertDifferent(await runCheck([...endpoints, ...AT_ONCE]), ['- hash']);
    assertDifferent(await runCheck([...back, ...AT_ONCE]), ['+ hash']);
  });

  for (const feed of ['psync', 'tracking'] as const) {
    test(`A hash that loses its fields goes from the target of a copy that follows by ${feed} (${name})`, async (t) => {
      await from.send('HSET', 'hash', 'field', 'value');
      const file = join(folderOf(t), 'cutover');
      const how = ['--live', '--feed', feed, '--cutover-file', file, '--linger', '0s'];
      const run = startRump([...endpoints, ...how]);
      t.after(() => run.end());
      await underWay(run, () => /rump: in sync/.test(run.stderr));
      assert.equal(await to.send('EXISTS', 'hash'), 1);
      await empty('hash');
      writeFileSync(file, '');
      const result = await run.done;
      assert.equal(result.code, 0, result.stderr);
      assert.deepEqual(await to.send('KEYS', '*').then(String), 'fine');
    });
  }
}
