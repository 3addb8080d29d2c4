// Snapshots that real servers wrote, against what the same servers said of their keys through native commands.
import assert from 'node:assert/strict';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { newEntry, sizeOf, type Entry, type LargeValue } from '../../../src/flow/entry.ts';
import { NEVER } from '../../../src/rdb/milliseconds.ts';
import { decodePayload } from '../../../src/rdb/decode.ts';
import type { RdbSourceOptions } from '../../../src/source/rdb-source.ts';
import type { Value } from '../../../src/rdb/value.ts';
import { collect, newChannel } from '../../support/entries.ts';
import { readSnapshot, snapshotFile, snapshotOf, snapshotSource } from '../../support/rdb-file.ts';
import { readSnapshots, type NamedSnapshot, type RecordedKey } from '../../support/snapshot-fixtures.ts';
import { wholeValue } from '../../support/whole-value.ts';
import * as build from '../rdb/payload-builder.ts';
import { fieldExpiries, plainValue } from '../rdb/plain-value.ts';

const files = readSnapshots();
/** Between OBJECT IDLETIME and SAVE. */
const MOST_SECONDS = 5;

test('The recorded snapshots are those of six servers', () => {
  assert.equal(files.length, 18);
  assert.equal(new Set(files.map(({ server }) => server)).size, 6);
});

for (const file of files) {
  test(`RdbSource reads what ${file.server} saved (${file.name})`, async () => {
    const { entries, error, expired, leftOut, unchecked } = await readSnapshot(file.path);
    assert.equal(error, undefined);
    assert.equal(expired, file.expired.length);
    assert.deepEqual(
      leftOut,
      file.functions.length > 0 ? [['functions', file.functions.join(' '), file.functions.length]] : [],
    );
    assert.equal(unchecked, file.name.endsWith('-lfu') ? 1 : 0);
    await assertSameKeys(file, entries, async ({ payload }) => decodePayload(payload!));
  });

  test(`RdbSource reads what ${file.server} saved in pieces where values are large (${file.name})`, async () => {
    const { source } = snapshotSource(file.path, { bigKey: 0 });
    const channel = newChannel();
    const reading = source.read(channel);
    const values = new Map<Entry, Value>();
    while (values.size < file.keys.length && (await channel.readable())) {
      for (const entry = newEntry(); channel.take(entry); channel.settle(entry.page, sizeOf(entry))) {
        // The file is there as long as an entry is not settled.
        values.set({ ...entry }, await wholeValue(entry.large!));
      }
    }
    await reading;
    await assertSameKeys(file, [...values.keys()], async (entry) => values.get(entry)!);
  });
}

async function assertSameKeys(
  { keys }: NamedSnapshot,
  entries: readonly Entry[],
  valueOf: (entry: Entry) => Promise<Value>,
): Promise<void> {
  assert.equal(entries.length, keys.length);
  const named = new Map(entries.map((entry) => [`${entry.db} ${entry.key.toString('latin1')}`, entry]));
  for (const { db, key, type, value, expireAt, fieldExpiries: expiries, idle, frequency } of keys) {
    const entry = named.get(`${db} ${key}`);
    assert.ok(entry, `${db} ${key}`);
    const decoded = await valueOf(entry);
    assert.equal(decoded.type, type, key);
    if (entry.large !== null) assert.equal(entry.large.type, type);
    assert.deepEqual(plainValue(decoded), value, key);
    if (decoded.type === 'hash') assert.deepEqual(fieldExpiries(decoded), expiries, key);
    assert.equal(entry.expireAt, expireAt ?? NEVER, key);
    if (frequency !== -1) assert.deepEqual([entry.frequency, entry.idle], [frequency, -1], key);
    else if (entry.idle !== -1) assert.ok(entry.idle >= idle && entry.idle <= idle + MOST_SECONDS, key);
  }
}

const isUsed = (key: Buffer): boolean => /^(idle|rare)$/.test(String(key));
const [lru, lfu] = ['redis-7.0', 'redis-7.0-lfu'].map((name) => files.find((file) => file.name === name)!);

test('RdbSource carries idle times and frequencies where they are wanted', async () => {
  for (const [file, preserveIdle, expected] of [
    [lru, true, 'idle 10000 -1'],
    [lfu, true, 'rare -1 1'],
    [lru, false, 'idle -1 -1'],
    [lfu, false, 'rare -1 -1'],
  ] as const) {
    const { entries } = await readSnapshot(file!.path, { preserveIdle, includes: isUsed });
    assert.deepEqual(
      entries.map(({ key, idle, frequency }) => `${String(key)} ${Math.floor(idle / 10)} ${frequency}`),
      [expected],
    );
  }
});

test('RdbSource keeps to the databases, keys and types in scope', async () => {
  for (const [options, isWanted] of [
    [{ databases: new Set([3]) }, ({ db }) => db === 3],
    [{ includes: (key) => key.includes(':') }, ({ key }) => key.includes(':')],
    [{ type: 'zset' }, ({ type }) => type === 'zset'],
    [{ type: 'list', bigKey: 0 }, ({ type }) => type === 'list'],
  ] as const satisfies [Partial<RdbSourceOptions>, (key: RecordedKey) => boolean][]) {
    const { entries } = await readSnapshot(lru!.path, options);
    const expected = lru!.keys.filter(isWanted).map(({ db, key }) => `${db} ${key}`);
    assert.ok(expected.length > 0);
    assert.deepEqual(entries.map(({ db, key }) => `${db} ${key.toString('latin1')}`).toSorted(), expected.toSorted());
  }
});

test('RdbSource drops expiries where nothing is to expire, and counts keys of its scope that have expired', async () => {
  const dropped = await readSnapshot(lru!.path, { mode: 'dropped' });
  assert.equal(dropped.entries.length, lru!.keys.length);
  assert.ok(dropped.entries.every(({ expireAt }) => expireAt === NEVER));
  assert.equal(dropped.expired, 1);
  assert.equal((await readSnapshot(lru!.path, { databases: new Set([0]) })).expired, 0);
});

test('RdbSource keeps little more alive than the keys in scope', async (t) => {
  const records = Array.from({ length: 50_000 }, (_, i) =>
    Buffer.concat([Buffer.of(0), build.string(`key:${i}`), build.string('v'.repeat(70))]),
  );
  const path = snapshotFile(t, snapshotOf('REDIS0011', ...records));
  const { entries } = await readSnapshot(path, { includes: (key) => String(key).endsWith('999') });
  assert.equal(entries.length, 50);
  const kept = new Set(entries.flatMap(({ key, payload }) => [key.buffer, payload!.buffer]));
  assert.ok([...kept].reduce((sum, { byteLength }) => sum + byteLength, 0) <= 128 * 1024);
  // Of all keys no more than they need, and what is left of slabs.
  const all = (await readSnapshot(path)).entries;
  const memory = new Set(all.flatMap(({ key, payload }) => [key.buffer, payload!.buffer]));
  const needed = all.reduce((sum, entry) => sum + sizeOf(entry), 0);
  assert.ok([...memory].reduce((sum, { byteLength }) => sum + byteLength, 0) < needed * 1.1);
});

test('RdbSource.again() gives an entry once more, also one with a large value, and read() waits for it', async () => {
  for (const bigKey of [0, 1000]) {
    const channel = newChannel(3);
    const { source } = snapshotSource(lru!.path, { bigKey });
    let isOver = false;
    const reading = source.read(channel).then(() => (isOver = true));
    const tries = new Map<string, number>();
    const entry = newEntry();
    for (let settled = 0; settled < lru!.keys.length;) {
      assert.equal(isOver, false);
      await channel.readable();
      while (channel.take(entry)) {
        const key = `${entry.db} ${entry.key.toString('latin1')}`;
        tries.set(key, (tries.get(key) ?? 0) + 1);
        if (tries.get(key)! < 3) source.again(entry);
        else settled++;
        if (entry.large !== null) await wholeValue(entry.large);
        channel.settle(entry.page, sizeOf(entry));
      }
      await turn();
    }
    await reading;
    assert.equal(tries.size, lru!.keys.length);
  }
});

test('RdbSource.rescan() reads once more what is wanted, out of the same file whatever its name leads to by then', async (t) => {
  const bytes = snapshotOf(
    'REDIS0009',
    [0],
    build.strings('a', '1'),
    [0],
    build.strings('b', '2'),
    [245],
    build.string('x'),
  );
  const path = snapshotFile(t, bytes);
  const { source, told } = snapshotSource(path, { bigKey: 0 });
  source.rescan((key) => String(key) === 'b');
  const channel = newChannel();
  const reading = source.read(channel);
  await channel.readable();
  const entry = newEntry();
  channel.take(entry);
  renameSync(path, `${path}.old`);
  rmSync(`${path}.old`);
  writeFileSync(path, 'another one');
  assert.deepEqual(await wholeValue(entry.large!), { type: 'string', value: Buffer.from('1') });
  channel.settle(entry.page, sizeOf(entry));
  const rest: string[] = [];
  let last: LargeValue | undefined;
  while (rest.length < 2 && (await channel.readable())) {
    while (channel.take(entry)) {
      rest.push(String(entry.key));
      channel.settle(entry.page, sizeOf(entry));
      if (rest.length === 2) last = entry.large!;
    }
  }
  await reading;
  assert.deepEqual(rest, ['b', 'b']);
  assert.equal(told.leftOut.length, 1);
  assert.equal(source.fraction, 1);
  // Behind the end the file is closed.
  await assert.rejects(wholeValue(last!), /it was closed/);
});

test('RdbSource knows how far it is', async (t) => {
  const record = Buffer.concat([Buffer.of(0), build.strings('key', 'v'.repeat(1000))]);
  const path = snapshotFile(t, snapshotOf('REDIS0011', ...Array.from({ length: 3000 }, () => record)));
  const fractions: number[] = [];
  const { source } = snapshotSource(path, { includes: () => fractions.push(source.fraction) > 0 });
  assert.equal(source.fraction, 0);
  assert.equal((await collect(source)).entries.length, 3000);
  assert.deepEqual(
    fractions,
    fractions.toSorted((a, b) => a - b),
  );
  assert.ok(fractions[1500]! > 0.49 && fractions[1500]! < 0.51);
  assert.equal(source.fraction, 1);
});

test('RdbSource pushes nothing behind what waits, and lets others have a turn', async (t) => {
  const record = Buffer.concat([Buffer.of(0), build.strings('key', 'v'.repeat(1000))]);
  const path = snapshotFile(t, snapshotOf('REDIS0011', ...Array.from({ length: 3000 }, () => record)));
  const channel = newChannel(2000);
  const { source } = snapshotSource(path);
  const reading = source.read(channel);
  while (channel.passage > 0) await turn();
  const reason = new Error('interrupted');
  source.stop(reason);
  await assert.rejects(reading, reason);
  assert.ok(channel.length < 1000, `${channel.length} entries`);

  // Nothing of it is in scope, so that no room is ever waited for.
  let seen = 0;
  const { source: other } = snapshotSource(path, {
    includes: () => {
      if (seen++ === 0) setImmediate(() => other.stop(reason));
      return false;
    },
  });
  await assert.rejects(other.read(newChannel()), reason);
  assert.ok(seen < 3000);
});

test('RdbSource.stop() before the read makes it reject', async () => {
  const { source } = snapshotSource(lru!.path);
  const reason = new Error('interrupted');
  source.stop(reason);
  await assert.rejects(source.read(newChannel()), (error) => error === reason);
});
