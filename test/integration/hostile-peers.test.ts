// Servers that send without an end: the run ends soon, in little memory, and says what would let it pass.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Usage } from '../bench/copy-process.ts';
import { bulk, integer } from '../support/frames.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

const MIB = 2 ** 20;
const HOOK = new URL('../bench/usage-hook.js', import.meta.url).href;
const NAME = bulk(Buffer.alloc(MIB, 'n'));
const PAGE = '*2\r\n$1\r\n0\r\n';

/** Names of 1 MiB, until nobody takes them any more. */
function sendNames(socket: Socket): void {
  while (!socket.destroyed && socket.write(NAME));
  if (!socket.destroyed) socket.once('drain', () => sendNames(socket));
}

test('rump ends at a reply without an end, in bounded memory', async (t) => {
  const { source, target, from, endpoints, to } = await startPair(t);
  await from.send('SET', 'key', 'value');
  const usageFile = join(target.dir, 'usage');
  const env = { NODE_OPTIONS: `--import=${HOOK}`, BENCH_USAGE_FILE: usageFile };
  // One line for each run.
  const needed = (): number => {
    const last = readFileSync(usageFile, 'utf8').trim().split('\n').at(-1)!;
    return (JSON.parse(last) as Usage).peakRss / MIB;
  };

  const cases = [
    ['a million names', '*1000000\r\n', [], /reply of more than 134,217,728 bytes.*--max-reply/, 320],
    [
      'a million names with a limit',
      '*1000000\r\n',
      ['--max-reply', '20M'],
      /more than 20,971,520 bytes.*--max-reply/,
      200,
    ],
    ['more names than there can be', '*33554431\r\n', [], /an array of 33,554,431 elements is too long/, 130],
    ['lists in lists', '*1048576\r\n'.repeat(30), [], /reply of more than 134,217,728 bytes.*--max-reply/, 230],
  ] as const;
  for (const [what, names, args, error, most] of cases) {
    await t.test(what, async (t) => {
      const { url } = await replyProxy(t, source.port, ([name, cursor, ...words], _, socket) => {
        if (name !== 'SCAN' || cursor !== '0' || words.includes('1')) return undefined;
        socket.write(PAGE + names);
        sendNames(socket);
        return Buffer.alloc(0);
      });
      assertFailed(await runRump(['--from', url, '--to', target.url, ...args], { env }), { error });
      t.diagnostic(`rump needed ${Math.round(needed())} MiB`);
      assert.ok(needed() < most, `rump needed ${Math.round(needed())} MiB`);
    });
  }

  await t.test('an honest server has names of 1 MB each', async () => {
    await from.pipeline(Array.from({ length: 60 }, (_, i) => ['SET', `${i}:`.padEnd(1_000_000, 'n'), i]));
    assertDone(await runRump([...endpoints, '--max-reply', '40M']));
    assert.equal(await to.send('DBSIZE'), 61);
  });
});

test('rump takes no key for expired whose expiry or payload comes as a number that is none', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await from.pipeline(Array.from({ length: 50 }, (_, i) => ['SET', `key:${i}`, i]));
  const cases = [
    ['PEXPIRETIME', Buffer.from(':abc\r\n'), /does not answer in RESP2 \(an integer is none\)/],
    ['PEXPIRETIME', integer(-5), /it answers PEXPIRETIME with something else/],
    ['DUMP', Buffer.from('$-7\r\n'), /does not answer in RESP2 \(a length is none\)/],
  ] as const;
  for (const [asked, answer, error] of cases) {
    const { url } = await replyProxy(t, source.port, ([name, key]) =>
      name === asked && key!.startsWith('key:') ? answer : undefined,
    );
    const result = await runRump(['--from', url, '--to', target.url, '--retries', '0']);
    assertFailed(result, { error });
    assert.equal(await to.send('DBSIZE'), 0);
  }
});

for (const [side, asked] of [
  ['source', 'SCAN'],
  ['source', 'DUMP'],
  ['source', 'EXISTS'],
  ['source', 'MEMORY'],
  ['source', 'PEXPIRETIME'],
  ['target', 'SET'],
  ['target', 'DUMP'],
  ['target', 'DEL'],
] as const) {
  test(`rump ends at once where the ${side} answers ${asked} with a string without an end`, async (t) => {
    const { source, target, from } = await startPair(t);
    await from.send('HSET', 'key', ...Array.from({ length: 200 }, (_, i) => `field ${i}`));
    let answered = 0;
    const { url } = await replyProxy(t, side === 'source' ? source.port : target.port, ([name, ...words]) => {
      if (name !== asked || (side === 'source' && name !== 'SCAN' && !words.includes('key'))) return undefined;
      answered++;
      return Buffer.from('$99999999999\r\n');
    });
    const ends = side === 'source' ? ['--from', url, '--to', target.url] : ['--from', source.url, '--to', url];
    const isWhole = side === 'source' && asked === 'DUMP';
    const result = await runRump([...ends, ...(isWhole ? [] : ['--big-key', '100'])]);
    assertFailed(result, {
      error: /^rump: Cannot talk to 127\.0\.0\.1:\d+: .*a bulk string of 99,999,999,999 bytes is too long/,
    });
    assert.equal(answered, 1);
  });
}
