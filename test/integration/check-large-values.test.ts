// A check of values that are read in pieces comes to what a check of whole ones does, and bears with as much as a copy.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { AT_ONCE, assertDifferent, assertEqual, runCheck } from '../support/check.ts';
import type { TestClient } from '../support/client.ts';
import { array, bulk } from '../support/frames.ts';
import { assertDone } from '../support/outcome.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { runRump } from '../support/rump.ts';

const IN_PIECES = ['--big-key', '1k'];
const KEYS = 100;
const names = Array.from({ length: KEYS }, (_, i) => `key:${i}`);

let [source, target]: TestServer[] = [];
let [from, to]: TestClient[] = [];
let endpoints: readonly string[] = [];

before(async () => {
  [source, target] = await Promise.all([startServer(), startServer()]);
  [from, to] = [await source.client(), await target.client()];
  endpoints = ['--from', source.url, '--to', target.url];
});
beforeEach(() => Promise.all([from!.send('FLUSHALL'), to!.send('FLUSHALL')]));
after(() => Promise.all([source?.stop(), target?.stop()]));

async function fillBoth(commands: readonly (readonly (string | number)[])[]): Promise<void> {
  for (const client of [from!, to!]) await client.pipeline(commands);
}

test('rump check takes the times of delivery of a stream that was copied in pieces for the same, whole or in pieces', async (t) => {
  await from!.pipeline(Array.from({ length: 50 }, (_, i) => ['XADD', 'stream', `${i + 1}-1`, 'f', 'x'.repeat(100)]));
  await from!.send('XGROUP', 'CREATE', 'stream', 'g', '0');
  await from!.send('XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', 20, 'STREAMS', 'stream', '>');
  let asked = 0;
  // A server that takes its time between two commands of a row.
  const slow = await replyProxy(t, source!.port, ([name], reply) => {
    if (name !== 'TIME' || !Array.isArray(reply)) return undefined;
    asked++;
    const micros = Number(reply[0]) * 1e6 + Number(reply[1]) - 300_000;
    return array(bulk(String(Math.floor(micros / 1e6))), bulk(String(micros % 1e6)));
  });
  assertDone(await runRump(['--from', slow.url, '--to', target!.url, ...IN_PIECES]));
  assert.ok(asked > 1, 'It was not read in pieces');
  assertEqual(await runCheck([...endpoints, ...AT_ONCE]), 1);
  assertEqual(await runCheck([...endpoints, ...AT_ONCE, ...IN_PIECES]), 1);
});

test('rump check reads a value again in smaller pages whose pages are too long a reply, on both sides', async () => {
  // The page that grows with small elements is far too long for those behind them.
  const long = Array.from({ length: 10 }, () => 'x'.repeat(30_000));
  await fillBoth([
    ['RPUSH', 'list', ...Array.from({ length: 3000 }, (_, i) => i)],
    ...Array.from({ length: 10 }, () => ['RPUSH', 'list', ...long]),
  ]);
  const limits = ['--big-key', '20k', '--max-reply', '1M'];
  assertEqual(await runCheck([...endpoints, ...AT_ONCE, ...limits]), 1);
  await to!.send('LSET', 'list', -1, 'other');
  assertDifferent(await runCheck([...endpoints, ...AT_ONCE, ...limits]), ['* list\telements']);
});

test('rump check reads a value again that has become another one while it was read', async (t) => {
  await fillBoth([['RPUSH', 'list', ...Array.from({ length: 3000 }, (_, i) => i)]]);
  const pages = [0, 0];
  let [sides, become] = [0, (): void => {}];
  const other = new Promise<void>((resolve) => (become = resolve));
  // Each side waits at its second page for the other one: neither has all, and neither has nothing.
  const waiting = [source!, target!].map((server, side) =>
    replyProxy(t, server.port, async ([name]) => {
      if (name !== 'LRANGE' || ++pages[side]! !== 2) return undefined;
      if (++sides === 2) {
        for (const client of [from!, to!]) {
          await client.pipeline([
            ['DEL', 'list'],
            ['SADD', 'list', 'member'],
          ]);
        }
        become();
      }
      await other;
      return undefined;
    }),
  );
  const [one, two] = await Promise.all(waiting);
  assertEqual(await runCheck(['--from', one!.url, '--to', two!.url, ...AT_ONCE, ...IN_PIECES]), 1);
  assert.ok(
    pages.every((count) => count > 1),
    'It was not read in pieces',
  );
});

for (const [side, sign] of [
  ['source', '-'],
  ['target', '+'],
] as const) {
  test(`Large values that are deleted at the ${side} while others are compared are only on the other side`, async (t) => {
    await fillBoth(names.map((name) => ['SET', name, 'x'.repeat(3000)]));
    const [server, client] = side === 'source' ? [source!, from!] : [target!, to!];
    let deletes = 0;
    const proxy = await replyProxy(t, server.port, async ([name]) => {
      if (name === 'GETRANGE' && deletes++ === 0) await client.send('UNLINK', ...names);
      return undefined;
    });
    const [one, other] = side === 'source' ? [proxy.url, target!.url] : [source!.url, proxy.url];
    const result = await runCheck(['--from', one, '--to', other, '--recheck-interval', '10ms', ...IN_PIECES]);
    assert.ok(deletes > 0, 'Nothing was deleted');
    assertDifferent(
      result,
      names.map((name) => `${sign} ${name}`),
    );
    assert.doesNotMatch(result.stderr, /not compared/);
  });
}
