// Snapshots of servers that are newer than rump, or others than Redis and Valkey: what can be carried is, the rest is named.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StreamError } from '../../../src/file/stream-ends.ts';
import { array, bytes, id, LAST, producers, stream, type Part } from '../../support/foreign-snapshots.ts';
import { readSnapshot, snapshotFile, snapshotOf } from '../../support/rdb-file.ts';
import * as build from '../rdb/payload-builder.ts';

for (const [header, version, typeByte, type, value, before = []] of [
  ['REDIS0013', 13, 26, 'stream', bytes(stream(), producers)],
  ['REDIS0014', 14, 27, 'stream', bytes(stream([1], id(1)), producers)],
  ['REDIS0014', 14, 28, 'array', array],
  ['REDIS0015', 15, 30, 'hash', build.string('listpack')],
  ['REDIS0015', 15, 32, 'hash', bytes([7], build.strings('1', '2')), [242, 7, 2, ...build.strings('f', 'g')]],
] as const) {
  test(`RdbSource names a value of type ${typeByte}, which it cannot carry, and reads on behind it`, async (t) => {
    const key = build.string('newer');
    const path = snapshotFile(t, snapshotOf(header, before, [typeByte], key, value, ...LAST));
    const { entries, error, refused } = await readSnapshot(path);
    assert.equal(error, undefined);
    const why = `Cannot read the value: it was written by a newer server: RDB version ${version}, type ${typeByte}`;
    assert.deepEqual(refused, [[0, 'newer', why]]);
    assert.deepEqual(
      entries.map(({ key }) => String(key)),
      ['last'],
    );
    const others = await readSnapshot(path, { type: 'string' });
    assert.deepEqual([others.entries.length, others.refused], [1, []]);
    assert.equal((await readSnapshot(path, { type })).refused.length, 1);
  });
}

for (const [header, version, typeByte] of [
  ['REDIS0016', 16, 40],
  ['VALKEY081', 81, 23],
] as const) {
  test(`RdbSource names a value of type ${typeByte} of RDB version ${version}, and says that it cannot read on`, async (t) => {
    const bytes = snapshotOf(header, ...LAST, [typeByte], build.strings('newer', 'value'), ...LAST);
    const path = snapshotFile(t, bytes);
    const { entries, error, refused } = await readSnapshot(path);
    const form = `it was written by a newer server: RDB version ${version}, type ${typeByte}`;
    assert.deepEqual(refused, [[0, 'newer', `Cannot read the value: ${form}`]]);
    assert.equal(entries.length, 1);
    assert.ok(error instanceof StreamError);
    const offset = 9 + 12;
    const why = `${form}, and nothing tells where that value ends, at byte ${offset}`;
    assert.deepEqual([error.offset, error.message], [offset, `Cannot read ${path}: ${why}`]);
  });
}

test('RdbSource carries what has metadata of modules in front, and tells that it leaves that out', async (t) => {
  const metadata = bytes([243, 2], [1, 2, 3, 4, 2, 5, 0], [5, 6, 7, 8, 5], build.string('data'), [0]);
  const expiry = bytes([252], build.milliseconds(4_102_444_800_123));
  const path = snapshotFile(t, snapshotOf('REDIS0013', expiry, metadata, ...LAST, [0], build.strings('bare', 'value')));
  const { entries, error, leftOut } = await readSnapshot(path);
  assert.equal(error, undefined);
  assert.deepEqual(leftOut, [['metadata', 'last', 1]]);
  assert.deepEqual(
    entries.map(({ key, expireAt }) => [String(key), expireAt]),
    [
      ['last', 4_102_444_800_123],
      ['bare', -1],
    ],
  );
});

test('RdbSource passes over the numbers and slots that Redis Enterprise puts before keys', async (t) => {
  const parts = [
    [107, 0x40, 67],
    [0],
    build.strings('a', 'b'),
    [121, 0x7f, 0xff],
    [107, 50],
    [0],
    build.strings('c', 'd'),
  ];
  const { entries, error } = await readSnapshot(snapshotFile(t, snapshotOf('REDIS0012', ...parts)));
  assert.equal(error, undefined);
  assert.deepEqual(
    entries.map(({ key }) => String(key)),
    ['a', 'c'],
  );
});

test('RdbSource tells of members that expire in KeyDB, and names its scripts', async (t) => {
  const set = bytes([2], build.string('set'), [2], build.strings('m', 'n'));
  const script = bytes([64], build.strings('cron', 'return 1'), Buffer.alloc(16), [1], build.string('key'), [0]);
  const stamp = bytes([250], build.strings('mvcc-tstamp', '123456'));
  const parts = [stamp, set, ...expiring('m'), ...expiring('n'), stamp, script, ...LAST];
  const { entries, error, leftOut, refused } = await readSnapshot(snapshotFile(t, snapshotOf('REDIS0009', ...parts)));
  assert.equal(error, undefined);
  assert.deepEqual(leftOut, [['expiries', 'set', 1]]);
  assert.deepEqual(refused, [[0, 'cron', 'Cannot read the value: it is a script that KeyDB runs by and by']]);
  assert.equal(entries.length, 2);
});

test('RdbSource leaves out collections without an element, as servers do, and counts them', async (t) => {
  const empty: readonly (readonly [number, Part])[] = [
    [1, [0]],
    [2, [0]],
    [3, [0]],
    [4, [0]],
    [5, [0]],
    [9, build.string(build.zipmap([]))],
    [10, build.string(build.ziplist([]))],
    [11, build.string(build.intset(2, []))],
    [12, build.string(build.ziplist([]))],
    [13, build.string(build.ziplist([]))],
    [14, bytes([1], build.string(build.ziplist([])))],
    [16, build.string(build.listpack([]))],
    [17, build.string(build.listpack([]))],
    [18, bytes([1, 2], build.string(build.listpack([])))],
    [20, build.string(build.listpack([]))],
    [24, bytes(build.milliseconds(0), [0])],
    [25, bytes(build.milliseconds(0), build.string(build.listpack([])))],
  ];
  const smallest: readonly (readonly [number, Part])[] = [
    [0, build.string('')],
    [1, bytes([1], build.string(''))],
    [11, build.string(build.intset(2, [1n]))],
    [16, build.string(build.listpack(['', '']))],
    [20, build.string(build.listpack([1]))],
  ];
  const records = (prefix: string, values: typeof empty): Buffer[] =>
    values.map(([typeByte, value]) => bytes([typeByte], build.string(`${prefix}${typeByte}`), value));
  const parts = [...records('empty:', empty), ...records('small:', smallest)];
  const { entries, error, leftOut } = await readSnapshot(snapshotFile(t, snapshotOf('REDIS0012', ...parts)));
  assert.equal(error, undefined);
  assert.deepEqual(leftOut, [['empty', empty.map(([typeByte]) => `empty:${typeByte}`).join(' '), empty.length]]);
  assert.deepEqual(
    entries.map(({ key }) => String(key)),
    smallest.map(([typeByte]) => `small:${typeByte}`),
  );
});

test('RdbSource takes what a transfer or a pipe leaves behind the end, and tells of it', async (t) => {
  for (const end of ['0123456789abcdef0123456789abcdef01234567', '\r\n', `${'0'.repeat(40)}\n`, '\0\0\0']) {
    const whole = bytes(snapshotOf('REDIS0012', ...LAST), Buffer.from(end));
    const { entries, error, leftOut } = await readSnapshot(snapshotFile(t, whole));
    assert.equal(error, undefined);
    assert.deepEqual([entries.length, leftOut], [1, [['mark', String(end.length), 1]]]);
  }
  const commands = '*1\r\n$4\r\nPING\r\n';
  const { error } = await readSnapshot(snapshotFile(t, bytes(snapshotOf('REDIS0012', ...LAST), Buffer.from(commands))));
  assert.match(String(error), /: 14 bytes follow the end of the snapshot, at byte/);
});

/** As KeyDB puts it behind a key. */
function expiring(member: string): Buffer[] {
  return [
    bytes([250], build.strings('keydb-subexpire-key', member)),
    bytes([250], build.strings('keydb-subexpire-when', '4102444800000')),
  ];
}
