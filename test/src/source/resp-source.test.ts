// The source end of a stream: what it pushes, gives once more, leaves out; and how it ends when told to, or by a fault.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { newEntry, sizeOf } from '../../../src/flow/entry.ts';
import { collect, MIB, newChannel } from '../../support/entries.ts';
import { command, streamOf } from '../../support/frames.ts';
import { fileOf, PAYLOAD, restores, sourceOf } from '../../support/resp-file.ts';

test('RespSource reads a file, plain or packed, and knows how far it is', async (t) => {
  const bytes = restores(20_000);
  for (const path of [
    fileOf(t, bytes),
    fileOf(t, gzipSync(bytes), 'f.resp.gz'),
    fileOf(t, Buffer.concat([gzipSync(bytes.subarray(0, 1001)), gzipSync(bytes.subarray(1001))]), 'two.resp.gz'),
  ]) {
    const fractions: number[] = [];
    const source = sourceOf(path, { includes: () => fractions.push(source.fraction) > 0 });
    assert.equal(source.fraction, 0);
    const { entries, error } = await collect(source);
    assert.equal(error, undefined);
    assert.deepEqual(
      entries.map(({ key }) => String(key)),
      Array.from({ length: 20_000 }, (_, i) => `key:${i}`),
    );
    assert.ok(entries.every(({ payload }) => payload!.equals(PAYLOAD)));
    assert.deepEqual(
      fractions,
      fractions.toSorted((a, b) => a - b),
    );
    assert.ok(fractions.every((fraction) => fraction > 0 && fraction <= 1));
    assert.equal(source.fraction, 1);
  }
});

test('RespSource reads a stream without keys', async (t) => {
  const source = sourceOf(fileOf(t, streamOf(Buffer.alloc(0), 0)));
  assert.deepEqual(await collect(source), { entries: [] });
  assert.equal(source.fraction, 1);
});

test('RespSource keeps to the databases and keys in scope', async (t) => {
  const path = fileOf(
    t,
    Buffer.concat([
      command('RESTORE', 'a', 0, PAYLOAD),
      command('SELECT', 1),
      command('RESTORE', 'b', 0, PAYLOAD),
      command('SELECT', 7),
      command('RESTORE', 'c', 0, PAYLOAD),
      command('RESTORE', 'd', 0, PAYLOAD),
    ]),
  );
  const databases = new Set([0, 7]);
  const { entries } = await collect(sourceOf(path, { databases, includes: (key) => String(key) !== 'c' }));
  assert.deepEqual(
    entries.map(({ db, key }) => [db, String(key)]),
    [
      [0, 'a'],
      [7, 'd'],
    ],
  );
});

test('RespSource keeps no chunk alive for the few keys of it that are in scope', async (t) => {
  const path = fileOf(t, restores(50_000));
  const { entries } = await collect(sourceOf(path, { includes: (key) => String(key).endsWith('999') }));
  assert.equal(entries.length, 50);
  const kept = new Set(entries.flatMap(({ key, payload }) => [key.buffer, payload!.buffer]));
  assert.ok([...kept].reduce((sum, { byteLength }) => sum + byteLength, 0) < 50_000);
});

test('RespSource carries IDLETIME and FREQ where they are wanted', async (t) => {
  const frames = [command('RESTORE', 'a', 0, PAYLOAD, 'IDLETIME', 5), command('RESTORE', 'b', 0, PAYLOAD, 'FREQ', 6)];
  const path = fileOf(t, Buffer.concat(frames));
  const told = async (preserveIdle: boolean): Promise<unknown> =>
    (await collect(sourceOf(path, { preserveIdle }))).entries.map(({ idle, frequency }) => [idle, frequency]);
  assert.deepEqual(await told(true), [
    [5, -1],
    [-1, 6],
  ]);
  assert.deepEqual(await told(false), [
    [-1, -1],
    [-1, -1],
  ]);
});

test('RespSource drops expiries where nothing is to expire, and keys that have expired with them', async (t) => {
  const soon = Date.now() + 100_000;
  const path = fileOf(
    t,
    Buffer.concat([
      command('RESTORE', 'gone', 1000, PAYLOAD, 'ABSTTL'),
      command('RESTORE', 'stays', soon, PAYLOAD, 'ABSTTL'),
    ]),
  );
  let gone = 0;
  const dropped = await collect(sourceOf(path, { mode: 'dropped' }, () => gone++));
  assert.deepEqual(
    dropped.entries.map(({ key, expireAt }) => [String(key), expireAt]),
    [['stays', -1]],
  );
  assert.equal(gone, 1);
  const exact = await collect(sourceOf(path));
  assert.deepEqual(
    exact.entries.map(({ expireAt }) => expireAt),
    [1000, soon],
  );
});

test('RespSource.again() gives an entry once more, and read() waits for it to be settled', async (t) => {
  const channel = newChannel(3);
  const source = sourceOf(fileOf(t, restores(10)));
  let isOver = false;
  const reading = source.read(channel).then(() => (isOver = true));
  const settled: string[] = [];
  const entry = newEntry();
  const tries = new Map<string, number>();
  while (settled.length < 10) {
    assert.equal(isOver, false);
    await channel.readable();
    while (channel.take(entry)) {
      const key = String(entry.key);
      tries.set(key, (tries.get(key) ?? 0) + 1);
      assert.ok(entry.payload!.equals(PAYLOAD));
      if (tries.get(key)! < 4) source.again(entry);
      else settled.push(key);
      channel.settle(1, sizeOf(entry));
      assert.ok(channel.unsettled <= 3);
    }
    await turn();
  }
  await reading;
  assert.deepEqual(
    settled.toSorted(),
    Array.from({ length: 10 }, (_, i) => `key:${i}`),
  );
});

test('RespSource asks for no more than there is room for', async (t) => {
  const channel = newChannel(1_000_000, 100_000);
  const source = sourceOf(fileOf(t, restores(100, Buffer.alloc(MIB / 8))));
  const reading = source.read(channel);
  const entry = newEntry();
  let count = 0;
  while (count < 100) {
    await channel.readable();
    assert.ok(channel.bytes < 100_000 + MIB / 8 + 10);
    while (channel.take(entry)) {
      count++;
      channel.settle(1, sizeOf(entry));
    }
  }
  await reading;
});

test('RespSource.stop() ends a read at once while it waits for room', async (t) => {
  const channel = newChannel(10);
  const source = sourceOf(fileOf(t, restores(20_000)));
  const reading = source.read(channel);
  while (channel.room > 0) await turn();
  const reason = new Error('interrupted');
  source.stop(reason);
  await assert.rejects(reading, reason);
  assert.equal(channel.length, 10);
});

test('RespSource.stop() before the read makes it reject', async (t) => {
  const source = sourceOf(fileOf(t, restores(1)));
  const reason = new Error('interrupted');
  source.stop(reason);
  await assert.rejects(source.read(newChannel()), (error) => error === reason);
});

test('RespSource rejects with the reason of a channel that was aborted', async (t) => {
  const channel = newChannel(10);
  const reading = sourceOf(fileOf(t, restores(20_000))).read(channel);
  while (channel.room > 0) await turn();
  const reason = new Error('the target is lost');
  channel.abort(reason);
  await assert.rejects(reading, (error) => error === reason);
});
