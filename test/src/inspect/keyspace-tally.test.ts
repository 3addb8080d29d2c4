// What a keyspace is counted as: every key once, by its type, its prefix and its slot, in memory that no keyspace can fill.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { slotOf } from '../../../src/cluster/slot.ts';
import type { Entry } from '../../../src/flow/entry.ts';
import { KeyspaceTally, type TallyOptions } from '../../../src/inspect/keyspace-tally.ts';
import { Largest } from '../../../src/inspect/largest.ts';
import { NEVER } from '../../../src/rdb/milliseconds.ts';
import { Prefixes } from '../../../src/inspect/prefixes.ts';
import { entryOf, feed, newChannel } from '../../support/entries.ts';
import { readPayloads } from '../../support/payload-fixtures.ts';
import * as build from '../rdb/payload-builder.ts';

const STRING = build.payload(10, 0, build.string('value'));

async function tallyOf(entries: Iterable<Entry>, options: Partial<TallyOptions> = {}): Promise<KeyspaceTally> {
  const tally = new KeyspaceTally({ depth: 1, isCluster: false, ...options });
  const channel = newChannel();
  await feed(tally, entries, { channel });
  assert.equal(channel.unsettled, 0);
  assert.equal(channel.bytes, 0);
  return tally;
}

test('KeyspaceTally counts the payloads of every recorded server by the type that the server has named', async () => {
  for (const { server, payloads } of readPayloads()) {
    const tally = await tallyOf(payloads.map(({ name, payload }) => entryOf(name, payload)));
    const expected = new Map<string, { keys: number; bytes: number; expiring: number }>();
    for (const { type, payload } of payloads) {
      const count = expected.get(type) ?? { keys: 0, bytes: 0, expiring: 0 };
      expected.set(type, { keys: count.keys + 1, bytes: count.bytes + payload.length, expiring: 0 });
    }
    assert.deepEqual(tally.types, expected, server);
    assert.equal(tally.keys, payloads.length);
  }
});

test('KeyspaceTally counts expiries, values that are not dumped, and a type byte that nobody knows', async () => {
  const large = { type: 'hash', bytes: 1e9, pieces: () => assert.fail('it is read') } as const;
  const entries = [
    entryOf('one', STRING, { expireAt: 5 }),
    entryOf('two', STRING),
    entryOf('huge', null, { kind: 'large', large }),
    entryOf('new', build.payload(99, 120, build.string('x'))),
    entryOf('gone', null, { kind: 'gone' }),
  ];
  const tally = await tallyOf(entries, { typeOf: () => assert.fail('it is asked for') });
  assert.deepEqual(Object.fromEntries(tally.types), {
    string: { keys: 2, bytes: 2 * STRING.length, expiring: 1 },
    hash: { keys: 1, bytes: 1e9, expiring: 0 },
    'unknown (120)': { keys: 1, bytes: 13, expiring: 0 },
  });
  assert.deepEqual([tally.keys, tally.large], [4, 1]);
  // Of a file they are the bytes of the payload.
  assert.equal((await tallyOf(entries)).large, 0);
  assert.equal(String(tally.largest.all[0]?.key), 'huge');
});

test('KeyspaceTally asks for the types of values that are not dumped, a few at once, and counts none that is gone', async () => {
  let [asking, most] = [0, 0];
  const typeOf = async (db: number, key: Buffer): Promise<string | undefined> => {
    most = Math.max(most, ++asking);
    await sleep(1);
    asking--;
    return ['list', 'none', undefined][(Number(String(key)) + db) % 3];
  };
  const large = { type: undefined, bytes: 100, pieces: () => assert.fail('it is read') } as const;
  const entries = Array.from({ length: 300 }, (_, i) => entryOf(String(i), null, { kind: 'large', large }));
  const tally = await tallyOf([...entries, entryOf('one', STRING)], { typeOf });
  assert.deepEqual(Object.fromEntries(tally.types), {
    list: { keys: 100, bytes: 10_000, expiring: 0 },
    unknown: { keys: 100, bytes: 10_000, expiring: 0 },
    string: { keys: 1, bytes: STRING.length, expiring: 0 },
  });
  assert.equal(tally.keys, 201);
  assert.ok(most > 1 && most <= 64, `${most} at once`);
  await assert.rejects(tallyOf(entries, { typeOf: () => Promise.reject(new Error('lost')) }), /lost/);
  // One that came in pieces as its DUMP broke connections.
  const unmeasured = entryOf('3', null, { kind: 'large', large: { ...large, bytes: undefined } });
  const measured = await tallyOf([...entries, unmeasured], {
    typeOf,
    sizeOf: async (_db, _key, type) => (type === 'list' ? 7 : undefined),
  });
  assert.deepEqual(measured.types.get('list'), { keys: 101, bytes: 10_007, expiring: 0 });
});

function count(keys: number, expiring = 0): object {
  return { keys, bytes: keys * STRING.length, expiring };
}

test('KeyspaceTally knows what each database takes, and tells 65,536 apart', async () => {
  const tally = await tallyOf([0, 7, 0, 3].map((db) => entryOf('key', STRING, { db, expireAt: db === 7 ? 5 : NEVER })));
  assert.deepEqual(
    [...tally.databases],
    [
      [0, count(2)],
      [7, count(1, 1)],
      [3, count(1)],
    ],
  );
  const many = await tallyOf(Array.from({ length: 70_000 }, (_, db) => entryOf('key', STRING, { db })));
  assert.deepEqual([many.databases.size, many.keys], [65_536, 70_000]);
});

test('KeyspaceTally knows the slot of each key of a cluster', async () => {
  const tally = await tallyOf([entryOf('{a}1', STRING), entryOf('{a}2', STRING), entryOf('b', STRING)], {
    isCluster: true,
  });
  const [a, b] = [slotOf(Buffer.from('a')), slotOf(Buffer.from('b'))];
  assert.deepEqual([tally.slotKeys[a], tally.slotBytes[a], tally.slotKeys[b]], [2, 2 * STRING.length, 1]);
});

test('KeyspaceTally keeps a thousand types, however many modules a file names', async () => {
  const tally = await tallyOf(modules(5000));
  assert.ok(tally.types.size <= 1001);
  assert.equal(tally.types.get('others')?.keys, 4000);
});

function* modules(count: number): Generator<Entry> {
  for (let i = 0; i < count; i++) yield entryOf(`key:${i}`, build.payload(10, 7, moduleId(i)));
}

/** Nine characters of six bits, and ten bits of a version. */
function moduleId(number: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = 0x81;
  bytes.writeBigUInt64BE(BigInt(number) << 10n, 1);
  return bytes;
}

/** Keys by prefix. */
function counted(depth: number): [string, number][] {
  const prefixes = new Prefixes(depth);
  for (const name of ['a:b:c:d', 'a:b:x', 'a:z', 'plain', ':']) {
    const bytes = Buffer.from(`<${name}>`);
    prefixes.count(bytes, 1, bytes.length - 1, 1);
  }
  return prefixes
    .largest(20)
    .map(({ prefix, keys }): [string, number] => [prefix, keys])
    .toSorted(([one], [other]) => (one < other ? -1 : 1));
}

test('Prefixes ends a prefix behind so many colons, or as many as there are', () => {
  assert.deepEqual(counted(1), [
    ['', 1],
    [':', 1],
    ['a:', 3],
  ]);
  assert.deepEqual(counted(2), [
    ['', 1],
    [':', 1],
    ['a:', 1],
    ['a:b:', 2],
  ]);
});

test('Prefixes finds the large ones among a million, says what may be missing, and keeps few of them', () => {
  const prefixes = new Prefixes(1, 1000);
  const large = new Map<string, number>();
  const count = (name: string, bytes: number): void => {
    const key = Buffer.from(name);
    prefixes.count(key, 0, key.length, bytes);
  };
  for (let i = 0; i < 1_000_000; i++) {
    count(`rare${i}:key`, 10);
    if (i % 100 !== 0) continue;
    const name = `large${(i / 100) % 20}:`;
    count(name, 1000);
    large.set(name, (large.get(name) ?? 0) + 1000);
  }
  assert.ok(prefixes.size <= 2000);
  const found = prefixes.largest(20);
  assert.deepEqual(new Set(found.map(({ prefix }) => prefix)), new Set(large.keys()));
  for (const { prefix, bytes } of found) {
    assert.ok(bytes <= large.get(prefix)!);
    assert.ok(bytes + prefixes.uncertain >= large.get(prefix)!);
  }
  assert.ok(prefixes.uncertain > 0);
});

test('Prefixes is exact as long as there is room, and keeps the beginning of a prefix that is very long', () => {
  const prefixes = new Prefixes(1, 10);
  for (let i = 0; i < 20; i++) {
    const key = Buffer.from(`${i}:`);
    prefixes.count(key, 0, key.length, i);
  }
  assert.deepEqual([prefixes.uncertain, prefixes.size], [0, 20]);
  const long = Buffer.from(`${'x'.repeat(100_000)}:`);
  prefixes.count(long, 0, long.length, 1e6);
  assert.ok(prefixes.largest(1)[0]!.prefix.length <= 256);
});

test('Largest has each key once, the largest first, and little of a long name', () => {
  const largest = new Largest(3);
  const add = (name: string, size: number, db = 0): void => {
    const bytes = Buffer.from(`[${name}]`);
    if (largest.admits(size)) largest.add(db, bytes, 1, bytes.length - 1, 'string', size);
  };
  for (const [name, size] of [
    ['a', 1],
    ['b', 5],
    ['c', 3],
    ['b', 6],
    ['d', 4],
    ['e', 2],
  ] as const)
    add(name, size);
  const shown = largest.all.map(({ key, size }) => `${key.toString()}${size}`);
  assert.deepEqual(shown, ['b6', 'd4', 'c3']);
  add('b', 9, 1);
  add('y'.repeat(1e6), 10);
  const [first, second] = largest.all;
  assert.deepEqual([first!.keyBytes, first!.key.length <= 1024], [1e6, true]);
  assert.deepEqual([String(second!.key), second!.db], ['b', 1]);
});
