// What a source is not asked for, so that its other clients need not wait: values that take long come in pieces.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callsOf, dumpsOf } from '../support/command-stats.ts';
import { array } from '../support/frames.ts';
import { BIG_KEY, fillLarge, LARGE_TYPES } from '../support/large-keyspace.ts';
import { assertDone } from '../support/outcome.ts';
import { frameOf, replyProxy } from '../support/reply-proxy.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { servers } from '../support/server-versions.ts';
import { assertSameData } from '../support/snapshot.ts';
import { longTest, variants } from '../support/tier.ts';

/** Every value of `fillLarge` takes longer, as far as one can know before. */
const MAX_LATENCY = ['--max-latency', '5ms'];
/** What is measured of keys that are small and alike, before it is clear that they are. */
const LEAST_MEASURED = 2048;

type Again = [title: string, rights: string[], way: readonly string[]];

test('rump dumps no value that takes the source longer than --max-latency, and the target takes it whole all the same', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fillLarge(from);
  await from.send('SET', 'small', 'value');
  await from.send('CONFIG', 'RESETSTAT');
  assertDone(await runRump([...endpoints, ...MAX_LATENCY]));
  await assertSameData(from, to, { byCommands: true });
  assert.equal(await dumpsOf(from), 1);
  // A stream has groups, which no plain payload holds.
  const calls = await callsOf(to);
  assert.equal(calls.get('rename'), 1);
  assert.equal(calls.get('hset'), undefined);
  // What is watched is read once; of the stream, whose groups nobody can watch, once more.
  assert.equal((await callsOf(from)).get('watch'), LARGE_TYPES.length + 1);
});

test('rump --big-key says what goes in pieces, however long the rest takes', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fillLarge(from);
  await from.send('CONFIG', 'RESETSTAT');
  assertDone(await runRump([...endpoints, ...MAX_LATENCY, '--big-key', '100M']));
  assert.equal(await dumpsOf(from), LARGE_TYPES.length);
  await assertSameData(from, to, { byCommands: true });
});

for (const [title, rights, way] of [
  ...variants<Again>(
    ['that was watched, in one payload', ['+@all'], MAX_LATENCY],
    ['that was watched, by commands', ['+@all'], BIG_KEY],
  ),
  ...variants<Again>(
    ['that could not be watched, by commands', ['+@all', '-exec'], BIG_KEY],
    ['that could not be watched', ['+@all', '-watch'], MAX_LATENCY],
  ),
]) {
  test(`rump reads a value again ${title}, where it has changed meanwhile`, async (t) => {
    const { source, target, from, to } = await startPair(t);
    await fillLarge(from, ['hash']);
    await from.send('ACL', 'SETUSER', 'reader', 'reset', 'on', '>pw', '~*', '&*', ...rights);
    await from.send('CONFIG', 'RESETSTAT');
    const changes = Array.from({ length: 1000 }, (_, i) => [`field:${5 * i}`, 'changed']);
    let pages = 0;
    let read = 0;
    const { url } = await replyProxy(t, source.port, async ([name]) => {
      if (name !== 'HSCAN' || ++pages !== 2) return undefined;
      // Some of these were read by now, and others were not asked for.
      await from.send('HSET', 'large:hash', ...changes.flat());
      read = (await callsOf(from)).get('hscan')!;
      return undefined;
    });
    assertDone(await runRump(['--from', url.replace('//', '//reader:pw@'), '--to', target.url, ...way]));
    await assertSameData(from, to);
    assert.ok(pages > 2 * read, 'it was not read again');
  });
}

for (const { name, binary } of servers('redis-6.0')) {
  test(`rump writes an element once that the source gives twice, to ${name}, which a payload would damage`, async (t) => {
    const { source, target, from, to } = await startPair(t, { target: { binary } });
    await fillLarge(from, ['set', 'zset', 'hash']);
    const { url } = await replyProxy(t, source.port, ([command], reply) => {
      if (!/^[SZH]SCAN$/.test(command!)) return undefined;
      const [next, page] = reply as [Buffer, Buffer[]];
      const elements = page.map(frameOf);
      return array(frameOf(next), array(...elements, ...elements.slice(0, 2)));
    });
    assertDone(await runRump(['--from', url, '--to', target.url, ...MAX_LATENCY]));
    await assertSameData(from, to, { byCommands: true });
    // None came as a payload.
    assert.equal((await callsOf(to)).get('rename'), 3);
  });
}

longTest('rump measures few of many small keys, also where some of them expire', async (t) => {
  const { from, endpoints } = await startPair(t);
  const keys = 60_000;
  await from.pipeline(
    Array.from({ length: keys }, (_, i) => {
      const set = ['SET', `key:${String(i).padStart(9, '0')}`, 'x'.repeat(70)];
      return i % 2 === 0 ? set : [...set, 'PX', 10_000_000];
    }),
  );
  await from.send('CONFIG', 'RESETSTAT');
  assertDone(await runRump(endpoints));
  const measured = (await callsOf(from)).get('memory|usage') ?? 0;
  assert.ok(measured >= LEAST_MEASURED && measured < keys / 10, `${measured} keys were measured`);
});
