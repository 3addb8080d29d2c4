// Values in pieces that do not end where their length says: a read that goes on for ever ends, and one that stops too soon is none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestClient } from '../support/client.ts';
import { array, bulk, integer } from '../support/frames.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { count, longOnly, longTest } from '../support/tier.ts';

/** One value of each type, above 1 KiB. */
async function fillSmall(client: TestClient): Promise<void> {
  const elements = Array.from({ length: 100 }, (_, i) => `${i}`.padStart(80, '0'));
  await client.pipeline([
    ['SET', 'value:string', elements.join('')],
    ['RPUSH', 'value:list', ...elements],
    ['SADD', 'value:set', ...elements],
    ['ZADD', 'value:zset', ...elements.flatMap((element) => [1, element])],
    ['HSET', 'value:hash', ...elements.flatMap((element) => [element, 1])],
    ...elements.map((element, i) => ['XADD', 'value:stream', `${i + 1}-0`, 'field', element]),
  ]);
}

/** Pages by the hundred thousand elements: as text they are made in a tenth of the time. */
function list(length: number, element: () => string): Buffer {
  return Buffer.from(`*${length}\r\n${Array.from({ length }, element).join('')}`);
}

function text(value: string): string {
  return `$${value.length}\r\n${value}\r\n`;
}

/** What a page of each kind never ends with, and how often it may be asked for. The first go by cursors, lengths and bytes. */
const ENDLESS = (
  [
    ['hash', 'HSCAN', 'HLEN', 2200],
    ['list', 'LRANGE', 'LLEN', 200],
    ['string', 'GETRANGE', 'STRLEN', 1100],
    ['set', 'SSCAN', 'SCARD', 2200],
    ['zset', 'ZSCAN', 'ZCARD', 2200],
  ] as const
).slice(0, count(3, 5));

test('rump ends where a value goes on beyond what there is of it, and copies the others', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await fillSmall(from);
  await from.send('SET', 'small', 'value');
  const types = new Set<string>(ENDLESS.map(([type]) => type));
  await from.send(
    'DEL',
    ...['stream', 'set', 'zset'].filter((type) => !types.has(type)).map((type) => `value:${type}`),
  );
  let cursor = 0;
  const answers: Readonly<Record<string, (args: readonly string[]) => Buffer>> = {
    HSCAN: () => array(bulk(String(++cursor)), array()),
    SSCAN: () => array(bulk(String(++cursor)), array(bulk(`member ${cursor}`))),
    ZSCAN: () => array(bulk(String(++cursor)), array(bulk('member'), bulk('1'))),
    LRANGE: ([, from, to]) => list(Number(to) - Number(from) + 1, () => '$4\r\nitem\r\n'),
    GETRANGE: ([, from, to]) => bulk(Buffer.alloc(Number(to) - Number(from) + 1, 'x')),
  };
  const { url, calls } = await replyProxy(t, source.port, ([name, ...args]) => answers[name!]?.(args));
  const result = await runRump(['--from', url, '--to', target.url, '--big-key', '1k']);
  assert.equal(result.code, 1, result.stderr);
  for (const [type, command, length, most] of ENDLESS) {
    const told = `${command} goes on beyond the [\\d,]+ that ${length} tells, and would never end`;
    assert.match(result.stderr, new RegExp(`key "value:${type}" in db 0: Cannot read the value: ${told}`));
    assert.ok(calls.get(command)! < most, `${calls.get(command)} of ${command}`);
  }
  assert.deepEqual(await to.send('KEYS', '*'), [Buffer.from('small')]);
});

// A hundred thousand entries, five times.
longOnly(() => {
  test('rump ends where a stream goes on beyond what there is of it', async (t) => {
    const { source, target, from, to } = await startPair(t);
    await fillSmall(from);
    let id = 0;
    const { url, calls } = await replyProxy(t, source.port, ([name, , , , , count]) =>
      name === 'XRANGE'
        ? list(Number(count), () => `*2\r\n${text(`${++id}-0`)}*2\r\n$1\r\nf\r\n$1\r\nv\r\n`)
        : undefined,
    );
    const result = await runRump(['--from', url, '--to', target.url, '--match', 'value:stream', '--big-key', '1k']);
    assert.equal(result.code, 1, result.stderr);
    assert.match(
      result.stderr,
      /"value:stream" in db 0: It changed while it was read \(XRANGE goes on beyond the [\d,]+ that XLEN tells\), 5 times/,
    );
    assert.ok(calls.get('XRANGE')! < 2000, `${calls.get('XRANGE')} of XRANGE`);
    assert.deepEqual(await to.send('KEYS', '*'), []);
  });
});

test('rump takes no value for whole that ends before its length, and copies the others', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await fillSmall(from);
  await from.send('SET', 'small', 'value');
  const answers: Readonly<Record<string, Buffer>> = {
    HSCAN: array(bulk('0'), array(bulk('field'), bulk('value'))),
    SSCAN: array(bulk('0'), array()),
    ZSCAN: array(bulk('0'), array(bulk('member'), bulk('1'))),
    // One is what is asked for first.
    LRANGE: array(bulk('item')),
    GETRANGE: bulk('short'),
    XRANGE: array(),
  };
  const { url, calls } = await replyProxy(t, source.port, ([name]) => answers[name!]);
  const result = await runRump(['--from', url, '--to', target.url, '--big-key', '1k']);
  assert.equal(result.code, 1, result.stderr);
  for (const [type, why] of [
    ['hash', '1 came of the 100 that HLEN tells'],
    ['set', '0 came of the 100 that SCARD tells'],
    ['zset', '1 came of the 100 that ZCARD tells'],
    ['list', '2 came of the 100 that LLEN tells'],
    ['string', '5 came of the 8,000 that STRLEN tells'],
    ['stream', 'XRANGE ends before the last entry'],
  ] as const) {
    const changed = `It changed while it was read \\(${why}\\), 5 times in a row`;
    assert.match(result.stderr, new RegExp(`key "value:${type}" in db 0: ${changed}`));
  }
  for (const command of Object.keys(answers)) assert.equal(calls.get(command), command === 'LRANGE' ? 10 : 5, command);
  assert.match(result.stderr, / 0 expired on the way, 6 failed/);
  assert.deepEqual(await to.send('KEYS', '*'), [Buffer.from('small')]);
});

/** Two entries of the stream are pending. */
async function addGroup(client: TestClient): Promise<void> {
  await client.pipeline([
    ['XGROUP', 'CREATE', 'value:stream', 'group', 0],
    ['XREADGROUP', 'GROUP', 'group', 'consumer', 'COUNT', 2, 'STREAMS', 'value:stream', '>'],
  ]);
}

function entries(from: number, step: number): Buffer[] {
  return Array.from({ length: 3 }, (_, i) => array(bulk(`${from + i * step}-0`), array(bulk('f'), bulk('v'))));
}

test('rump takes no page that it did not ask for, and no stream whose ids go back', async (t) => {
  const { source, target, from, to } = await startPair(t);
  for (const [type, command, answer] of [
    ['string', 'GETRANGE', () => bulk(Buffer.alloc(100_000, 'x'))],
    ['list', 'LRANGE', () => array(...Array.from({ length: 10_000 }, () => bulk('item')))],
    ['stream', 'XRANGE', () => array(...entries(1000, -1))],
    ['stream', 'XRANGE', () => array(...entries(1000, 0))],
    ['stream', 'XRANGE', (count: number) => array(entries(1000, 1)[count === 0 ? 2 : 0]!)],
    ['stream', 'XRANGE', () => array(...Array.from({ length: 600 }, (_, i) => entries(i + 1, 1)[0]!))],
    ['stream', 'XPENDING', () => array(...[9, 8].map((id) => pendingEntry(id)))],
  ] as const) {
    await from.send('FLUSHALL');
    await fillSmall(from);
    if (command === 'XPENDING') await addGroup(from);
    let count = 0;
    const { url } = await replyProxy(t, source.port, ([name]) => (name === command ? answer(count++) : undefined));
    const args = ['--match', `value:${type}`, '--big-key', '1k'];
    const result = await runRump(['--from', url, '--to', target.url, ...args]);
    assert.equal(result.code, 1, result.stderr);
    assert.match(
      result.stderr,
      new RegExp(`Cannot read the value: what ${command} was answered with is no reply to it`),
    );
    assert.ok(count <= 2, `${count} of ${command}`);
    assert.deepEqual(await to.send('KEYS', '*'), []);
  }
});

longTest('rump ends where entries that are pending go on beyond what their group tells', async (t) => {
  const { source, target, from } = await startPair(t);
  await fillSmall(from);
  await addGroup(from);
  let id = 0;
  const { url, calls } = await replyProxy(t, source.port, ([name]) =>
    name === 'XPENDING' ? list(1000, () => `*4\r\n${text(`${++id}-0`)}${text('consumer')}:1\r\n:1\r\n`) : undefined,
  );
  const result = await runRump(['--from', url, '--to', target.url, '--match', 'value:stream', '--big-key', '1k']);
  assert.equal(result.code, 1, result.stderr);
  assert.match(result.stderr, /2 entries were pending, and XPENDING tells 101,000\), 5 times in a row/);
  assert.equal(calls.get('XPENDING'), 5 * 101);
});

function pendingEntry(id: number): Buffer {
  return array(bulk(`${id}-0`), bulk('consumer'), integer(1), integer(1));
}
