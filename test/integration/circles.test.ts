// Servers whose cursors go in a circle, or never repeat and lead on for ever: the run ends soon, and says why.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, bulk } from '../support/frames.ts';
import { assertFailed } from '../support/outcome.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { longTest } from '../support/tier.ts';

test('rump ends where SCAN, or the scan of one value, goes in a circle', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await from.send('MSET', 'a', 1, 'b', 2);
  await from.pipeline(Array.from({ length: 1000 }, (_, i) => ['HSET', 'hash', `field:${i}`, 'v'.repeat(100)]));

  await t.test('the keyspace', async (t) => {
    const next = circle([bulk('a')]);
    const { url, calls } = await replyProxy(t, source.port, ([name]) => (name === 'SCAN' ? next() : undefined));
    const error =
      /^rump: Cannot scan 127\.0\.0\.1:\d+: SCAN gave the cursor \d twice, so it would never come to an end/;
    assertFailed(await runRump(['--from', url, '--to', target.url]), { error });
    assert.ok(calls.get('SCAN')! < 40, `${calls.get('SCAN')} SCANs`);
  });

  await t.test('the keyspace, while a value of it is read', async (t) => {
    const names = circle([bulk('hash'), bulk('a'), bulk('b')]);
    let [pages, isRead] = [0, false];
    let fail!: () => void;
    const hasFailed = new Promise<undefined>((resolve) => (fail = () => resolve(undefined)));
    const { url } = await replyProxy(t, source.port, ([name, cursor], _, client) => {
      isRead ||= name === 'HSCAN';
      if (name === 'HSCAN') return hasFailed;
      if (name !== 'SCAN') return undefined;
      if (cursor === '0') client.once('close', fail);
      return cursor === '0' || isRead ? names() : array(bulk(String(100 + pages++)), array());
    });
    // Others wait behind it.
    const args = ['--big-key', '10k', '--tpslimit', '20'];
    const result = await runRump(['--from', url, '--to', target.url, ...args]);
    assertFailed(result, { error: /^rump: Cannot scan 127\.0\.0\.1:\d+: SCAN gave the cursor \d twice/ });
  });

  await t.test('a hash', async (t) => {
    await to.send('FLUSHALL');
    const next = circle([bulk('field:1'), bulk('v')]);
    const { url, calls } = await replyProxy(t, source.port, ([name]) => (name === 'HSCAN' ? next() : undefined));
    const result = await runRump(['--from', url, '--to', target.url, '--big-key', '10k']);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /hash.*HSCAN gave the cursor \d twice/);
    assert.ok(calls.get('HSCAN')! < 40, `${calls.get('HSCAN')} HSCANs`);
    assert.deepEqual(((await to.send('KEYS', '*')) as Buffer[]).map(String).toSorted(), ['a', 'b']);
  });
});

/** A page with another cursor each time, of seven. */
function circle(page: Buffer[]): () => Buffer {
  let calls = 0;
  return () => array(bulk(String((calls++ % 7) + 1)), array(...page));
}

for (const [what, args, names] of [
  ['with ever new names', ['--match', 'other:*'], 1000],
  ['with empty pages', [], 0],
] as const) {
  longTest(`rump ends where SCAN gives ever new cursors, far beyond what there is, ${what}`, async (t) => {
    const { source, target, from } = await startPair(t);
    await from.send('MSET', 'a', 1, 'b', 2);
    let calls = 0;
    const { url } = await replyProxy(t, source.port, ([name, cursor]) => {
      if (name !== 'SCAN') return undefined;
      calls++;
      const page = Array.from({ length: names }, (_, i) => bulk(`${cursor}:${i}`));
      return array(bulk(String(calls * 4096 + 1)), array(...page));
    });
    const error =
      /^rump: Cannot scan 127\.0\.0\.1:\d+: SCAN goes on far beyond the 2 keys that DBSIZE tells, so it would never come to an end/;
    const result = await runRump(['--from', url, '--to', target.url, ...args]);
    assertFailed(result, { error });
    t.diagnostic(`${calls} SCANs, ${result.elapsed} ms`);
    assert.ok(calls < (names === 0 ? 23_000 : 2300), `${calls} SCANs`);
  });
}
