// The source end of a stream: what it pushes, gives once more, leaves out; how it ends when told to; and streams that cannot be
// read to their end: what was whole before is settled, and the error says where and why.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { RespError } from '../../../resp/errors.ts';
import { StreamError } from '../../../src/file/stream-ends.ts';
import { newEntry, sizeOf } from '../../../src/flow/entry.ts';
import { collect, MIB, newChannel } from '../../support/entries.ts';
import { command, streamOf } from '../../support/frames.ts';
import { fileOf, folderOf, PAYLOAD, restores, sourceOf } from '../../support/resp-file.ts';

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
      channel.settle(entry.page, sizeOf(entry));
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
      channel.settle(entry.page, sizeOf(entry));
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

test('RespSource settles what was whole before a damage, then rejects with the byte', async (t) => {
  const sound = restores(3000);
  const bytes = Buffer.concat([sound, command('SET', 'k', 'v'), sound]);
  const place = `byte ${sound.length}`;
  for (const [name, content, what] of [
    ['set.resp', bytes, `the frame at ${place} is SET: only RESTORE, SELECT and PING can be read`],
    [
      'set.resp.gz',
      gzipSync(bytes),
      `the frame at ${place} of the unpacked stream is SET: only RESTORE, SELECT and PING can be read`,
    ],
    [
      'cut.resp.gz',
      gzipSync(bytes.subarray(0, sound.length + 9)),
      `the frame at ${place} of the unpacked stream is cut off at byte ${sound.length + 9}`,
    ],
    [
      'cut.resp',
      bytes.subarray(0, sound.length + 9),
      `the frame at ${place} is cut off: a string of 3 bytes begins at byte ${sound.length + 8}, and the file ends at byte ${sound.length + 9}`,
    ],
  ] as const) {
    const path = fileOf(t, content, name);
    const { entries, error } = await collect(sourceOf(path));
    assert.ok(error instanceof StreamError);
    assert.deepEqual(
      [error.code, error.offset, error.message],
      ['STREAM', sound.length, `Cannot read ${path}: ${what}`],
    );
    assert.equal(entries.length, 3000);
  }
});

test('RespSource takes what a packed file had before it was cut off, and says at which byte of the unpacked stream', async (t) => {
  const bytes = restores(30_000);
  const packed = gzipSync(bytes);
  const path = fileOf(t, packed.subarray(0, packed.length * 0.9), 'f.resp.gz');
  const { entries, error } = await collect(sourceOf(path));
  assert.ok(error instanceof StreamError && error.code === 'STREAM');
  assert.match(
    error.message,
    /: the frame at byte \d+ of the unpacked stream is cut off at byte \d+: the compressed data ends too early$/,
  );
  assert.ok(entries.length > 20_000 && entries.length < 30_000);
  assert.equal(error.offset, restores(entries.length).length);

  const whole = fileOf(t, packed.subarray(0, -1), 'whole.resp.gz');
  const atTheEnd = await collect(sourceOf(whole));
  assert.equal(atTheEnd.entries.length, 30_000);
  assert.ok(atTheEnd.error instanceof StreamError);
  assert.match(
    atTheEnd.error.message,
    new RegExp(`breaks off at byte ${bytes.length} of the unpacked stream: the compr`),
  );
});

test('RespSource refuses a payload of 10 GB at once, whether the bytes are there or not', async (t) => {
  const head = Buffer.from('*4\r\n$7\r\nRESTORE\r\n$1\r\nk\r\n$1\r\n0\r\n$10000000000\r\n');
  const path = fileOf(t, head);
  truncateSync(path, 10_000_000_100);
  const { entries, error } = await collect(sourceOf(path));
  assert.equal(entries.length, 0);
  assert.match(
    String(error),
    /a string of 10,000,000,000 bytes begins there, and 1,073,741,824 are the most it may have/,
  );
  const limited = await collect(sourceOf(fileOf(t, restores(1, Buffer.alloc(101))), { maxPayload: 100 }));
  assert.match(String(limited.error), /a string of 101 bytes begins there, and 100 are the most/);
});

test('RespSource says what is wrong with a file that it cannot read', async (t) => {
  const folder = folderOf(t);
  const missing = join(folder, 'none.resp');
  const pipe = join(folder, 'pipe.resp');
  spawnSync('mkfifo', [pipe]);
  for (const [path, code, why] of [
    [missing, 'ENOENT', 'there is no such file (ENOENT)'],
    [folder, 'EISDIR', 'it is a directory (EISDIR)'],
    [pipe, 'IO', 'it is no regular file'],
  ] as const) {
    const { error } = await collect(sourceOf(path));
    assert.ok(error instanceof RespError);
    assert.deepEqual([error.code, error.message], [code, `Cannot read ${path}: ${why}`]);
  }
});
