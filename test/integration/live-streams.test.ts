// Streams are read again and again while the source is followed; what is no stream is not, though it is as large.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { callsOf } from '../support/command-stats.ts';
import { assertSameData } from '../support/keyspace.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone } from '../support/outcome.ts';
import { folderOf } from '../support/resp-file.ts';
import { startRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

const ELEMENTS = 4000;

test('rump --live reads large streams once more, also at the cutover, and no other large value that has not changed', async (t) => {
  const { source, target, from, to } = await startPair(t);
  const elements = Array.from({ length: ELEMENTS }, (_, i) => [`field:${i}`, `value of ${i}`]);
  await from.send('HSET', 'hash', ...elements.flat());
  await from.pipeline(elements.map((pair) => ['XADD', 'stream', '*', ...pair]));
  const cut = join(folderOf(t), 'cutover');
  const how = ['--live', '--cutover-file', cut, '--linger', '0s', '--settle', '50ms', '--big-key', '16k'];
  const running = startRump(['--from', source.url, '--to', target.url, ...how]);
  t.after(() => running.end());
  await underWay(running, () => running.stderr.includes('rump: in sync'));
  assert.ok((await callsOf(from)).get('hscan')! > 0, 'the hash is read in pieces');

  await from.send('CONFIG', 'RESETSTAT');
  await underWay(running, async () => ((await callsOf(from)).get('exec') ?? 0) >= 4);
  const readBefore = (await callsOf(from)).get('xrange')!;
  writeFileSync(cut, '');
  assertDone(await running.done);
  const calls = await callsOf(from);
  assert.ok(calls.get('xrange')! > readBefore, 'the stream is read at the cutover');
  assert.equal(calls.get('hscan') ?? 0, 0);
  await assertSameData(from, to);
});
