// What a source that is followed is asked while nothing happens there.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { underWay } from '../support/mid-run.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { folderOf } from '../support/resp-file.ts';
import { startRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

/** Two looks of the feed itself, and two of whoever measures how far behind the target is; and some that a turn may hold. */
const MOST_PER_SECOND = 8;
const ENOUGH = 12;

test('rump --live asks a source that is at rest a few times a second how it is, however near it is', async (t) => {
  const { source, target } = await startPair(t);
  const { url, calls } = await replyProxy(t, source.port, () => undefined);
  const args = ['--live', '--feed', 'tracking', '--cutover-file', join(folderOf(t), 'cutover')];
  const running = startRump(['--from', url, '--to', target.url, ...args]);
  t.after(() => running.end());
  await underWay(running, () => running.stderr.includes('rump: in sync'));
  const asked = (): number => calls.get('INFO')!;
  const [before, since] = [asked(), performance.now()];
  await underWay(running, () => asked() >= before + ENOUGH);
  const perSecond = (asked() - before) / ((performance.now() - since) / 1000);
  assert.ok(perSecond <= MOST_PER_SECOND, `${perSecond.toFixed(1)} INFO a second`);
});
