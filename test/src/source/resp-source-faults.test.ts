// Streams that cannot be read to their end: what was whole before is settled, and the error says where and why.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { RespError } from '../../../resp/errors.ts';
import { StreamError } from '../../../src/file/stream-ends.ts';
import { collect } from '../../support/entries.ts';
import { command } from '../../support/frames.ts';
import { fileOf, folderOf, restores, sourceOf } from '../../support/resp-file.ts';

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
