// Snapshots that cannot be read to their end: what was whole before is settled, and the error says what and where.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { RespError } from '../../../resp/errors.ts';
import { moduleNameOf } from '../../../src/rdb/modules.ts';
import { StreamError } from '../../../src/file/stream-ends.ts';
import { readSnapshot, snapshotFile, snapshotOf, withChecksum } from '../../support/rdb-file.ts';
import { folderOf } from '../../support/resp-file.ts';
import { readSnapshots } from '../../support/snapshot-fixtures.ts';
import { count } from '../../support/tier.ts';
import * as build from '../rdb/payload-builder.ts';

const files = readSnapshots();
const STEP = count(7, 3);
const HEADER = 'REDIS0011';
const key = (name: string): Buffer => Buffer.concat([Buffer.of(0), build.strings(name, 'value')]);
const moduleValue = (name: string, bytes: number): Buffer =>
  Buffer.concat([
    Buffer.of(7),
    build.string(name),
    build.length(1n << 63n, 64),
    build.length(5),
    build.string('m'.repeat(bytes)),
    build.length(0),
  ]);
/** Where what follows header and key begins. */
const BEHIND = HEADER.length + key('a').length;

test('RdbSource settles what was whole before a snapshot is cut off, wherever that is, then says at which byte', async (t) => {
  const { path, keys } = files.find(({ name }) => name === 'valkey-9.1')!;
  const bytes = readFileSync(path);
  const whole = (await readSnapshot(path)).entries.map(({ key }) => key);
  assert.equal(whole.length, keys.length);
  const copy = snapshotFile(t, bytes);
  let before = whole.length;
  // No key has fewer bytes than the quick tier leaves out.
  for (let length = bytes.length - 1; length >= 0; length -= Math.min(STEP, length || 1)) {
    truncateSync(copy, length);
    const { entries, error } = await readSnapshot(copy);
    assert.ok(error instanceof StreamError, `${length} bytes: ${String(error)}`);
    assert.ok(error.offset <= length, `${length} bytes: ${error.message}`);
    assert.match(error.message, new RegExp(`^Cannot read ${copy}: .*, at byte ${error.offset}$`));
    assert.ok(entries.length === before || entries.length === before - 1, `${length} bytes`);
    before = entries.length;
    assert.ok(entries.every(({ key }, i) => key.equals(whole[i]!)));
  }
  assert.equal(before, 0);
});

test('RdbSource finds every byte that is another one by the checksum, if by nothing else', async (t) => {
  const bytes = readFileSync(files.find(({ name }) => name === 'redis-8.0-cluster')!.path);
  for (let at = 0; at < bytes.length; at += STEP) {
    const damaged = Buffer.from(bytes);
    damaged[at]! ^= 1 << (at & 7);
    const { error } = await readSnapshot(snapshotFile(t, damaged));
    assert.ok(error instanceof StreamError, `byte ${at}: ${String(error)}`);
  }
});

test('RdbSource says what is wrong with a snapshot, and at which byte', async (t) => {
  const end = Buffer.of(255);
  for (const [bytes, offset, why] of [
    [Buffer.alloc(0), 0, 'it is no snapshot of Redis or Valkey'],
    [Buffer.from('REDIS'), 0, 'it is no snapshot of Redis or Valkey'],
    [snapshotOf('REDISabcd'), 0, 'it is no snapshot of Redis or Valkey'],
    [Buffer.from('*3\r\n$7\r\nRESTORE'), 0, 'it is no snapshot of Redis or Valkey'],
    [snapshotOf('REDIS0080'), 0, 'Redis has no RDB version 80'],
    [snapshotOf('VALKEY079'), 0, 'Valkey has no RDB version 79'],
    [snapshotOf(HEADER, key('a'), [200]), BEHIND, 'no value of RDB version 11 has type byte 200'],
    [snapshotOf('VALKEY080', key('a'), [23]), BEHIND, 'no value of RDB version 80 has type byte 23'],
    [snapshotOf(HEADER, key('a'), [243]), BEHIND, 'no snapshot of RDB version 11 has opcode 243'],
    [snapshotOf(HEADER, key('a'), [242]), BEHIND, 'no snapshot of RDB version 11 has opcode 242'],
    [snapshotOf('VALKEY081', key('a'), [242]), BEHIND, 'a newer server wrote it: RDB version 81, opcode 242'],
    [
      snapshotOf('REDIS0015', key('a'), [32], build.string('b'), [1]),
      BEHIND + 3,
      'there is no template 1 of hashes before it',
    ],
    [
      snapshotOf(HEADER, key('a'), [6], build.string('m'), [0]),
      BEHIND,
      'a module from before Redis 4.0 wrote the value, which only itself can read',
    ],
    [snapshotOf(HEADER, key('a'), [254], build.length(2 ** 31)), BEHIND + 6, 'there is no such database'],
    [snapshotOf(HEADER, key('a'), [0], build.string('b'), [0xc4]), BEHIND + 3, 'no string begins with this byte'],
    [
      withChecksum(Buffer.concat([Buffer.from(HEADER), key('a'), end, Buffer.alloc(8, 1)])).subarray(0, -8),
      BEHIND + 1,
      'the checksum is not that of the file, which is damaged somewhere',
    ],
    [
      Buffer.concat([snapshotOf(HEADER, key('a')), Buffer.from('more')]),
      BEHIND + 9,
      '4 bytes follow the end of the snapshot',
    ],
  ] as const) {
    const path = snapshotFile(t, bytes);
    const { entries, error } = await readSnapshot(path);
    assert.ok(error instanceof StreamError, String(error));
    assert.deepEqual(
      [error.code, error.offset, error.message],
      ['STREAM', offset, `Cannot read ${path}: ${why}, at byte ${offset}`],
    );
    assert.equal(entries.length, offset === 0 ? 0 : 1);
  }
});

test('RdbSource refuses lengths that claim more than the file has at once, whether the bytes are there or not', async (t) => {
  const before = process.memoryUsage().arrayBuffers;
  for (const bits of [32, 64] as const) {
    const claim = build.length(4_000_000_000, bits);
    for (const [parts, isSparse] of [
      [[[0], claim], false],
      [[[0], claim], true],
      [[[0], build.string('k'), claim], false],
      [[[0], build.string('k'), [0xc3], claim, claim], false],
      [[[4], build.string('k'), claim], false],
      [[[245], claim], true],
      [[[245, 0xc3], build.length(60_000_000), claim], true],
    ] as const) {
      const path = snapshotFile(t, snapshotOf(HEADER, key('a'), ...parts));
      if (isSparse) truncateSync(path, 4_500_000_000);
      const { entries, error } = await readSnapshot(path);
      assert.equal(entries.length, 1);
      assert.match(
        String(error),
        /(the file is cut off, [\d,]+ of [\d,]+ bytes follow|are too many for a string|cannot fit in there), at/,
      );
    }
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 100_000_000);
});

test('RdbSource tells of what it leaves out, by name', async (t) => {
  const library = '#!lua name=lib_1\nreturn 1';
  // When it is to be read, a string, a float; the id has the letters of `abcdefghi`, and version 3.
  const id = [26, 27, 28, 29, 30, 31, 32, 33, 34].reduce((bits, letter) => bits * 64n + BigInt(letter), 0n);
  const parts = Buffer.concat([
    build.length(id * 1024n + 3n, 64),
    ...[2, 1, 5].map((number) => build.length(number)),
    build.string('data'),
    Buffer.of(3, 0, 0, 0, 0, 0),
  ]);
  const slots = [
    [243],
    build.string('j'.repeat(40)),
    build.length(2),
    ...[1, 5, 9, 9].map((slot) => build.length(slot)),
  ];
  const { entries, error, leftOut, unchecked } = await readSnapshot(
    snapshotFile(
      t,
      snapshotOf(
        'VALKEY080',
        [245],
        build.compressedString(library),
        [245],
        build.string('no shebang'),
        [246],
        build.strings('early', 'LUA'),
        [1],
        build.strings('description', 'code'),
        [247],
        parts,
        ...slots.map((part) => Buffer.from(part)),
        [250],
        build.strings('aux', 'value'),
        [251, 9, 9, 244, 1, 2, 3],
        key('a'),
      ),
    ),
  );
  assert.equal(error, undefined);
  assert.deepEqual(leftOut, [
    ['functions', 'lib_1 one without a name early', 3],
    ['modules', 'abcdefghi', 1],
    ['slots', '1-5 9', 2],
  ]);
  assert.deepEqual([entries.length, unchecked], [1, 0]);
});

test('RdbSource reads files of servers that are no more, and their expiries in seconds', async (t) => {
  const seconds = Buffer.alloc(4);
  seconds.writeInt32LE(2_000_000_000);
  const head = [254, 2, 253, ...seconds];
  const old = Buffer.concat([
    Buffer.from('REDIS0003'),
    Buffer.from(head),
    Buffer.of(3),
    build.string('zset'),
    build.length(1),
    build.string('a'),
    build.textScore('1.5'),
    Buffer.of(255),
  ]);
  const { entries, error, unchecked } = await readSnapshot(snapshotFile(t, old));
  assert.equal(error, undefined);
  assert.deepEqual(
    entries.map(({ db, key, expireAt, payload }) => [
      db,
      String(key),
      expireAt,
      payload!.readUInt16LE(payload!.length - 10),
    ]),
    [[2, 'zset', 2_000_000_000_000, 3]],
  );
  assert.equal(unchecked, 1);
});

test('RdbSource knows the types of modules by the names that TYPE has for them', async (t) => {
  const path = snapshotFile(t, snapshotOf(HEADER, moduleValue('one', 10), key('a'), moduleValue('large', 100_000)));
  for (const [type, names] of [
    [moduleNameOf(1n << 63n), ['one', 'large']],
    ['ReJSON-RL', []],
    ['module', []],
  ] as const) {
    const { entries } = await readSnapshot(path, { type, bigKey: 1000 });
    assert.deepEqual(
      entries.map(({ key }) => String(key)),
      names,
    );
  }
});

test('RdbSource gathers the value of a module whatever its size, and refuses by name what no payload holds', async (t) => {
  const path = snapshotFile(t, snapshotOf(HEADER, moduleValue('fits', 900), moduleValue('does not', 2000), key('a')));
  const { entries, error, refused } = await readSnapshot(path, { bigKey: 100, maxPayload: 1000 });
  assert.equal(error, undefined);
  assert.deepEqual(
    entries.map(({ key, payload }) => [String(key), payload!.length]),
    [
      ['fits', 924],
      ['a', 17],
    ],
  );
  assert.deepEqual(refused, [
    [0, 'does not', 'Cannot read a value of 2.0 KiB: it is one of a module, and can only be carried as a whole'],
  ]);
});

test('RdbSource says what is wrong with a file that it cannot read', async (t) => {
  const folder = folderOf(t);
  const missing = join(folder, 'none.rdb');
  const pipe = join(folder, 'pipe.rdb');
  spawnSync('mkfifo', [pipe]);
  for (const [path, code, why] of [
    [missing, 'ENOENT', 'there is no such file (ENOENT)'],
    [folder, 'EISDIR', 'it is a directory (EISDIR)'],
    [pipe, 'IO', 'it is no regular file'],
  ] as const) {
    const { error } = await readSnapshot(path);
    assert.ok(error instanceof RespError);
    assert.deepEqual([error.code, error.message], [code, `Cannot read ${path}: ${why}`]);
  }
});
