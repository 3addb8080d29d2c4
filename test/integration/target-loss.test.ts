// A target that acknowledged keys and has them no more is noticed before the closing words, whatever has happened to it.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { holdMidRun } from '../support/mid-run.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { runRump, type RumpResult } from '../support/rump.ts';
import { startPair, type ServerPair } from '../support/server-pair.ts';

test('rump fails when the target was flushed in the middle of the copy', async (t) => {
  const run = await holdMidRun(t, { held: 'source' });
  await run.to.send('FLUSHALL');
  run.proxy.unstall();
  assertFailed(await run.running.done, {
    error: new RegExp(`^rump: Cannot vouch for the copy: .*the target ${run.where.target} lacks \\d+`),
  });
});

test('rump fails when the databases of the target were swapped in the middle of the copy', async (t) => {
  const run = await holdMidRun(t, { held: 'source' });
  await run.to.send('SWAPDB', 0, 1);
  run.proxy.unstall();
  assertFailed(await run.running.done, { error: /^rump: Cannot vouch for the copy: .* lacks \d+/ });
});

test('rump takes what has expired at the target, or may have, for no loss', async (t) => {
  const { source, target, from, to } = await startPair(t);
  const names = Array.from({ length: 500 }, (_, i) => `key:${i}`);
  await from.pipeline(names.map((name) => ['SET', name, 'value', 'PX', 60_000]));
  assertDone(await runRump(['--from', source.url, '--to', target.url]));
  assert.equal(await to.send('DBSIZE'), names.length);
});

test('rump fails when the target evicts keys, and says what helps', async (t) => {
  const args = ['--maxmemory', '6mb', '--maxmemory-policy', 'allkeys-lru'];
  const { from, to, endpoints } = await startPair(t, { target: { args } });
  const value = Buffer.alloc(2000, 'x');
  await from.send('CONFIG', 'SET', 'rdbcompression', 'no');
  await from.pipeline(Array.from({ length: 5000 }, (_, i) => ['SET', `key:${i}`, value]));
  assertFailed(await runRump(endpoints), { error: /^rump: Cannot vouch for the copy: .* has evicted .*maxmemory/ });
  assert.ok(((await to.send('DBSIZE')) as number) < 5000);
});

test('rump copies to a user who may not ask for what was written', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await from.send('SET', 'key', 'value');
  await to.send('ACL', 'SETUSER', 'writer', 'on', '>pw', '~*', '+@all', '-exists');
  const result = await runRump(['--from', source.url, '--to', target.url.replace('//', '//writer:pw@')]);
  assertDone(result);
  assert.match(result.stderr, /^rump: warning: the target .* does not say whether it has every key .*\(NOPERM /m);
});

const KEYS = 100;
const QUICKLY = ['--retry-max', '20ms'];

/** A copy behind which something happens to the target, in the way to it, at the last look: when it asks for `what` first. */
async function copyAndThen(
  t: TestContext,
  what: readonly string[],
  happens: (pair: ServerPair, socket: Socket) => unknown,
): Promise<RumpResult> {
  const pair = await startPair(t);
  await pair.from.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, i]));
  let hasHappened = false;
  const proxy = await replyProxy(t, pair.target.port, async (words, _, socket) => {
    const isAsked = what.every((word, i) => words[i] === word);
    if (hasHappened || !isAsked || (await pair.to.send('DBSIZE')) !== KEYS) return undefined;
    hasHappened = true;
    await happens(pair, socket);
    return undefined;
  });
  const result = await runRump(['--from', pair.source.url, '--to', proxy.url, ...QUICKLY]);
  assert.ok(hasHappened, 'There was no last look');
  return result;
}

test('rump names a key that somebody has deleted at the target, and takes it for no loss', async (t) => {
  const result = await copyAndThen(t, ['INFO', 'commandstats'], ({ to }) => to.send('DEL', 'key:7'));
  assertDone(result);
  const words = /^rump: warning: the target 127\.0\.0\.1:\d+ lacks 1 of 100 acknowledged keys .*\("key:7" in db 0\)/m;
  assert.match(result.stderr, words);
});

test('rump fails when many keys were deleted at the target', async (t) => {
  const result = await copyAndThen(t, ['INFO', 'commandstats'], ({ to }) =>
    to.send('DEL', ...Array.from({ length: 20 }, (_, i) => `key:${i}`)),
  );
  assertFailed(result, { error: /^rump: Cannot vouch for the copy: of 100 acknowledged keys .* lacks 20:/ });
});

test('rump looks once more where the connection is lost at the last look', async (t) => {
  const result = await copyAndThen(t, ['EXISTS'], (_, socket) => socket.destroy());
  assertDone(result);
  assert.match(result.stderr, /, 1 reconnect$/m);
});

test('rump needs no other connection for its last look than the one that it has written on', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await from.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, i]));
  // The client of the test is one, and rump another.
  await to.send('CONFIG', 'SET', 'maxclients', 2);
  assertDone(await runRump([...endpoints, '--retries', '0']));
  assert.equal(await to.send('DBSIZE'), KEYS);
});

test('rump says what it could not look at where the target does not say any more who it is', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await from.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, i]));
  await to.send('ACL', 'SETUSER', 'writer', 'on', '>pw', '~*', '+@all');
  const proxy = await replyProxy(t, target.port, async ([name, key]) => {
    if (name === 'RESTORE' && key?.startsWith('key:') === true) await to.send('ACL', 'SETUSER', 'writer', '-info');
    return undefined;
  });
  const result = await runRump(['--from', source.url, '--to', proxy.url.replace('//', '//writer:pw@')]);
  assertDone(result);
  assert.match(
    result.stderr,
    /^rump: warning: the target 127\.0\.0\.1:\d+ does not say who it is, .*\(NOPERM .*'info'/m,
  );
});
