// The target end of a stream: the frames, and that a file is there whole or not at all, whatever goes wrong on the way.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { RespError } from '../../../resp/errors.ts';
import type { LargeValue } from '../../../src/flow/entry.ts';
import type { FileTargetOptions } from '../../../src/target/file-target.ts';
import { RespTarget } from '../../../src/target/resp-target.ts';
import { entryOf, feed, framesOf, KIB, newChannel, numbered } from '../../support/entries.ts';
import { command, streamOf } from '../../support/frames.ts';
import { folderOf } from '../../support/resp-file.ts';

const OPTIONS: FileTargetOptions = {
  mode: 'exact',
  clock: Date.now,
  targetDbOf: (db) => db,
  targetNameOf: (key) => key,
  renames: false,
};
const FAR_AWAY = 4_102_444_800_123;

class Counts {
  keys = 0;
  bytes = 0;
  converted = 0;
  expired = 0;
  onWritten(keys: number, bytes: number): void {
    assert.ok(keys > 0);
    this.keys += keys;
    this.bytes += bytes;
  }
  onConverted(): void {
    this.converted++;
  }
  onExpired(): void {
    this.expired++;
  }
  onWriteRefused(_: number, key: Buffer): void {
    assert.fail(`${key.toString()} was refused`);
  }
}

function targetOf(path: string, options: Partial<FileTargetOptions> = {}, counts = new Counts()): RespTarget {
  return new RespTarget(path, { ...OPTIONS, ...options }, counts);
}

test('RespTarget writes RESTORE frames with absolute expiries, and SELECT where the database changes', async (t) => {
  const path = join(folderOf(t), 'f.resp');
  const counts = new Counts();
  const large = Buffer.alloc(40 * KIB, 'large');
  const entries = [
    entryOf('plain', 'payload 1'),
    entryOf('expires', 'payload 2', { expireAt: FAR_AWAY }),
    entryOf('gone', null),
    entryOf('idle', large, { db: 3, idle: 60 }),
    entryOf('used', 'payload 4', { db: 3, expireAt: FAR_AWAY, frequency: 0 }),
    entryOf('', 'payload 5'),
  ];
  const channel = newChannel();
  const names = {
    targetDbOf: (db: number) => db * 2,
    targetNameOf: (key: Buffer) => Buffer.concat([Buffer.from('p:'), key]),
    renames: true,
  };
  await feed(targetOf(path, names, counts), entries, { channel });
  assert.deepEqual(
    readFileSync(path, 'latin1'),
    streamOf(
      Buffer.concat([
        command('RESTORE', 'p:plain', 0, 'payload 1', 'REPLACE'),
        command('RESTORE', 'p:expires', FAR_AWAY, 'payload 2', 'REPLACE', 'ABSTTL'),
        command('SELECT', 6),
        command('RESTORE', 'p:idle', 0, large, 'REPLACE', 'IDLETIME', 60),
        command('RESTORE', 'p:used', FAR_AWAY, 'payload 4', 'REPLACE', 'ABSTTL', 'FREQ', 0),
        command('SELECT', 0),
        command('RESTORE', 'p:', 0, 'payload 5', 'REPLACE'),
      ]),
      5,
    ).toString('latin1'),
  );
  const bytes = 'plain'.length + 'expires'.length + 'idle'.length + 'used'.length + 4 * 9 + large.length;
  assert.deepEqual([counts.keys, counts.bytes, counts.expired], [5, bytes, 0]);
  assert.deepEqual([channel.unsettled, channel.bytes], [0, 0]);
});

test('RespTarget counts what has expired on the way, and does not write it', async (t) => {
  const path = join(folderOf(t), 'f.resp');
  const now = Date.now();
  const entries = [-60_000, 60_000, 0, 180_000].map((ms) => entryOf(String(ms), 'payload', { expireAt: now + ms }));
  const counts = new Counts();
  const channel = newChannel();
  // The source's clock is two minutes ahead, and it is that clock which says when.
  await feed(targetOf(path, { clock: () => Date.now() + 120_000 }, counts), entries, { channel });
  assert.deepEqual([counts.keys, counts.expired, channel.unsettled], [1, 3, 0]);
  const frame = command('RESTORE', '180000', now + 180_000, 'payload', 'REPLACE', 'ABSTTL');
  assert.deepEqual(readFileSync(path), streamOf(frame, 1));
});

test('RespTarget writes what is left of a relative expiry as a time of day', async (t) => {
  const path = join(folderOf(t), 'f.resp');
  const counts = new Counts();
  const entries = [60_000.25, -1000].map((ms) => entryOf('k', 'payload', { expireAt: performance.now() + ms }));
  await feed(targetOf(path, { mode: 'relative', clock: () => performance.now() }, counts), entries);
  const expireAt = Number(/\r\n(\d{13})\r\n/.exec(readFileSync(path, 'latin1'))![1]);
  assert.ok(Math.abs(expireAt - Date.now() - 60_000) < 5000);
  const frame = command('RESTORE', 'k', expireAt, 'payload', 'REPLACE', 'ABSTTL');
  assert.deepEqual(readFileSync(path), streamOf(frame, 1));
  assert.equal(counts.expired, 1);
});

test('RespTarget writes no expiries where they are dropped', async (t) => {
  const path = join(folderOf(t), 'f.resp');
  await feed(targetOf(path, { mode: 'dropped' }), [entryOf('k', 'payload', { expireAt: 1000 })]);
  assert.deepEqual(readFileSync(path), streamOf(command('RESTORE', 'k', 0, 'payload', 'REPLACE'), 1));
});

test('RespTarget goes back to the database where a replay begins, so that another stream can follow', async (t) => {
  const path = join(folderOf(t), 'f.resp');
  await feed(targetOf(path), [entryOf('k', 'payload', { db: 3 })]);
  const frames = [command('SELECT', 3), command('RESTORE', 'k', 0, 'payload', 'REPLACE'), command('SELECT', 0)];
  assert.deepEqual(readFileSync(path), streamOf(Buffer.concat(frames), 1));
});

test('RespTarget packs a file whose name ends in .gz', async (t) => {
  const path = join(folderOf(t), 'f.resp.gz');
  const counts = new Counts();
  await feed(targetOf(path, {}, counts), numbered(20_000, 100));
  assert.ok(gunzipSync(readFileSync(path)).equals(framesOf(20_000, 100)));
  assert.equal(counts.keys, 20_000);
  assert.ok(statSync(path).size < 1_000_000);
});

test('RespTarget writes nothing but a beginning and an end where there are no keys', async (t) => {
  const folder = folderOf(t);
  for (const name of ['f.resp', 'f.resp.gz']) await feed(targetOf(join(folder, name)), []);
  const nothing = streamOf(Buffer.alloc(0), 0);
  assert.deepEqual(readFileSync(join(folder, 'f.resp')), nothing);
  assert.deepEqual(gunzipSync(readFileSync(join(folder, 'f.resp.gz'))), nothing);
});

test('RespTarget leaves the file that is there untouched until the new one is whole, and keeps its permissions', async (t) => {
  const folder = folderOf(t);
  for (const name of ['f.resp', 'f.resp.gz']) {
    const path = join(folder, name);
    writeFileSync(path, 'old');
    chmodSync(path, 0o640);
    const counts = new Counts();
    const channel = newChannel(100);
    const writing = targetOf(path, {}, counts).write(channel);
    for (const entry of numbered(1000, 1000)) {
      await channel.writable();
      channel.push(entry);
    }
    await channel.settled();
    assert.equal(counts.keys, 1000);
    assert.equal(readFileSync(path, 'utf8'), 'old');
    channel.close();
    await writing;
    const bytes = readFileSync(path);
    assert.ok((name.endsWith('.gz') ? gunzipSync(bytes) : bytes).equals(framesOf(1000, 1000)));
    assert.equal(statSync(path).mode & 0o777, 0o640);
  }
  assert.deepEqual(readdirSync(folder).toSorted(), ['f.resp', 'f.resp.gz']);
});

test('RespTarget writes through a symbolic link', async (t) => {
  const folder = folderOf(t);
  mkdirSync(join(folder, 'elsewhere'));
  writeFileSync(join(folder, 'elsewhere', 'real.resp'), 'old');
  const link = join(folder, 'link.resp');
  symlinkSync(join('elsewhere', 'real.resp'), link);
  await feed(targetOf(link), numbered(1, 20));
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.deepEqual(readFileSync(join(folder, 'elsewhere', 'real.resp')), framesOf(1, 20));
  assert.deepEqual(readdirSync(join(folder, 'elsewhere')), ['real.resp']);
});

test('RespTarget leaves no trace of a copy that failed or was interrupted, and the old file as it was', async (t) => {
  const folder = folderOf(t);
  for (const name of ['f.resp', 'f.resp.gz']) {
    const path = join(folder, name);
    writeFileSync(path, 'old');
    const reason = new Error('the source is lost');
    await assert.rejects(feed(targetOf(path), numbered(5000, 1000), { reason }), reason);

    const channel = newChannel(100);
    const writing = targetOf(path).write(channel);
    channel.push(entryOf('key', 'payload'));
    await channel.settled();
    channel.abort(new Error('interrupted'));
    await assert.rejects(writing, /interrupted/);
    assert.equal(readFileSync(path, 'utf8'), 'old');
  }
  assert.deepEqual(readdirSync(folder).toSorted(), ['f.resp', 'f.resp.gz']);
});

test('RespTarget says why a file cannot be written', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'file.resp');
  const pipe = join(folder, 'pipe.resp');
  const full = join(folder, 'full.resp');
  writeFileSync(file, '');
  spawnSync('mkfifo', [pipe]);
  symlinkSync('/dev/full', full);
  symlinkSync('/dev/full', `${full}.gz`);
  for (const [path, code, why] of [
    [folder, 'EISDIR', 'it is a directory (EISDIR)'],
    [join(folder, 'none', 'f.resp'), 'ENOENT', 'there is no such folder (ENOENT)'],
    [join(file, 'f.resp'), 'ENOTDIR', 'a part of its path is no folder (ENOTDIR)'],
    [pipe, 'IO', 'it is no regular file'],
    [full, 'ENOSPC', 'no space is left (ENOSPC)'],
    [`${full}.gz`, 'ENOSPC', 'no space is left (ENOSPC)'],
  ] as const) {
    const counts = new Counts();
    await assert.rejects(feed(targetOf(path, {}, counts), numbered(10, 10)), (error) => {
      assert.ok(error instanceof RespError, String(error));
      assert.deepEqual([error.code, error.message], [code, `Cannot write ${path}: ${why}`]);
      return true;
    });
  }
  assert.equal(readdirSync(folder).length, 4);
});

test('RespTarget refuses by name a value that is too large for a payload, and writes the others', async (t) => {
  const path = join(folderOf(t), 'f.resp');
  const refused: string[] = [];
  const counts = Object.assign(new Counts(), {
    onWriteRefused: (db: number, key: Buffer, { code }: RespError) => void refused.push(`${db} ${String(key)} ${code}`),
  });
  const large: LargeValue = { type: 'string', pieces: () => assert.fail('Nobody has to read it') };
  await feed(targetOf(path, {}, counts), [
    entryOf('a', 'payload'),
    entryOf('large', null, { db: 2, large }),
    entryOf('expired', null, { large, expireAt: 1 }),
    entryOf('gone', null),
  ]);
  assert.deepEqual(refused, ['2 large TOO_LONG']);
  assert.deepEqual([counts.keys, counts.expired], [1, 1]);
});
