// A database of the source that gets its first keys while rump is down: what the target has where that goes is its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileFor, kill, setAll, sizeOf } from '../support/broken-off.ts';
import { Following, PHASE } from '../support/live/model.ts';
import { serverSide } from '../support/live/sides.ts';
import { startPair } from '../support/server-pair.ts';

const KEYS = 5;

test('What the target has where a database goes that came while rump was down stays its own', async (t) => {
  const { source, target, from, endpoints } = await startPair(t);
  await from.pipeline(setAll(KEYS));
  const [came, own] = await Promise.all([source.client(5), target.client(5)]);
  await own.send('SET', 'own', 'x');
  const args = ['--db', 'all', '--resume', fileFor(t)];
  const run = new Following(t, { endpoints, feed: 'tracking', source: serverSide(() => source, [0]), args });
  await run.startProcess().reaches(PHASE.inSync);
  await kill(run.running);
  await came.pipeline(setAll(KEYS));
  await run.startProcess().reaches(PHASE.inSync);
  assert.equal(String(await own.send('GET', 'own')), 'x');
  // Which name it was nobody knows any more by now: it is in doubt.
  await kill(run.running);
  await run.start().reaches(PHASE.inSync);
  run.cutOver();
  const result = await run.done();
  assert.equal(result.code, 1, result.stderr);
  assert.match(result.stderr, /"own" in db 5/);
  assert.equal(String(await own.send('GET', 'own')), 'x');
  assert.equal(await sizeOf(own), KEYS + 1);
});
