// Large values on their way into a file: the source is asked for pieces, and each is one RESTORE in the end.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { callsOf, dumpsOf } from '../support/command-stats.ts';
import { BIG_KEY, fillLarge, FOUR_TIMES, LARGE_TYPES } from '../support/large-keyspace.ts';
import { assertDone } from '../support/outcome.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { servers } from '../support/server-versions.ts';
import { assertSameData } from '../support/snapshot.ts';
import { longTest } from '../support/tier.ts';

/** Every value of `fillLarge` takes longer, as far as one can know before. */
const MAX_LATENCY = ['--max-latency', '5ms'];
/** Every one of them is longer as a payload. */
const SHORT_REPLIES = [...MAX_LATENCY, '--max-reply', '300k'];

for (const { name, binary } of servers('redis-8.0', 'valkey-9.1')) {
  test(`rump has nothing dumped for a file that takes ${name} long, but what no plain payload holds`, async (t) => {
    const { source, target, from, to } = await startPair(t, { source: { binary }, target: { binary } });
    await fillLarge(from);
    await from.send('SET', 'small', 'value');
    const [known] = (await from.send('COMMAND', 'INFO', 'HPEXPIREAT')) as unknown[];
    const expiring = Array.isArray(known);
    if (expiring) await from.send('HPEXPIREAT', 'large:hash', 4_102_444_800_000, 'FIELDS', 1, 'field:4999');
    const path = join(folderOf(t), 'f.resp');
    const whole = expiring ? ['stream', 'hash'] : ['stream'];
    for (const options of binary === undefined ? [MAX_LATENCY, BIG_KEY, SHORT_REPLIES] : [MAX_LATENCY]) {
      await from.send('CONFIG', 'RESETSTAT');
      const result = await runRump(['--from', source.url, '--to', path, ...options]);
      assertDone(result);
      assert.match(result.stderr, new RegExp(`, ${LARGE_TYPES.length - whole.length} converted, `));
      assert.equal(await dumpsOf(from), 1 + whole.length);
      await to.send('FLUSHALL');
      // Each is one RESTORE there.
      await to.send('CONFIG', 'RESETSTAT');
      assertDone(await runRump(['--from', path, '--to', target.url]));
      assert.equal((await callsOf(to)).get('rename'), undefined);
      await assertSameData(from, to);
    }
  });
}

longTest(
  'What goes into a file in one piece, and what nobody can tell to be of one moment otherwise, is dumped',
  async (t) => {
    const { source, target, from, to } = await startPair(t);
    await fillLarge(from);
    await from.send('ACL', 'SETUSER', 'reader', 'reset', 'on', '>pw', '~*', '&*', '+@all', '-watch');
    const url = source.url.replace('//', '//reader:pw@');
    const path = join(folderOf(t), 'f.resp');
    for (const [side, options, dumps] of [
      [source.url, [...MAX_LATENCY, '--big-key', '100M'], LARGE_TYPES.length],
      // Strings and lists give nothing twice.
      [url, MAX_LATENCY, LARGE_TYPES.length - 2],
    ] as const) {
      await from.send('CONFIG', 'RESETSTAT');
      assertDone(await runRump(['--from', side, '--to', path, ...options]));
      assert.equal(await dumpsOf(from), dumps);
      await to.send('FLUSHALL');
      assertDone(await runRump(['--from', path, '--to', target.url]));
      await assertSameData(from, to);
    }
  },
);

test('A value too large for the buffers of the source goes into a file all the same', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await fillLarge(from, ['string', 'set'], FOUR_TIMES);
  await from.send('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 1mb 0 0');
  const path = join(folderOf(t), 'f.resp');
  assertDone(await runRump(['--from', source.url, '--to', path]));
  await from.send('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 0 0 0');
  assertDone(await runRump(['--from', path, '--to', target.url]));
  await assertSameData(from, to);
});
