// A snapshot that comes in chunks gives what the same snapshot gives as a file, wherever the chunks end.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { newEntry, sizeOf } from '../../../src/flow/entry.ts';
import { SnapshotError } from '../../../src/source/snapshot-intake.ts';
import { entryOf, KIB, MIB, newChannel } from '../../support/entries.ts';
import { foreignSnapshots } from '../../support/foreign-snapshots.ts';
import { chunksOf, intakeOf, readSnapshot, snapshotOf, takeIn, withChecksum } from '../../support/rdb-file.ts';
import { readSnapshots } from '../../support/snapshot-fixtures.ts';
import { count, runs } from '../../support/tier.ts';
import * as build from '../rdb/payload-builder.ts';

const files = readSnapshots().map(({ name, path }) => ({ name, path, bytes: readFileSync(path) }));
const { bytes: sample } = files.find(({ name }) => name === 'redis-8.0-cluster')!;
const STEP = count(3, 1);
const HEADER = 'REDIS0011';
const key = (name: string, value = 'value'): Buffer => Buffer.concat([Buffer.of(0), build.strings(name, value)]);
/** A hash of so many fields, and their bytes. */
const hash = (name: string, fields: number): Buffer =>
  Buffer.concat([
    Buffer.of(4),
    build.string(name),
    build.length(fields),
    ...Array.from({ length: fields }, (_, i) => build.strings(`field:${i}`, 'v'.repeat(50))),
  ]);

for (const { name, path, bytes } of files) {
  test(`SnapshotIntake takes in what RdbSource reads, whole and byte by byte (${name})`, async () => {
    const expected = await readSnapshot(path);
    assert.ok(expected.entries.length > 0);
    for (const size of [bytes.length, 1, 7, 4 * KIB]) {
      assert.deepEqual(await takeIn(chunksOf(bytes, size)), { ...expected, passedOver: [] }, `${size} bytes a chunk`);
    }
  });
}

test('SnapshotIntake takes in the same, however the bytes are split', async () => {
  const all = await Promise.all(files.map(async ({ bytes, path }) => ({ bytes, expected: await readSnapshot(path) })));
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 20_000 })), {
    minLength: 1,
  });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...all), sizes, async ({ bytes, expected }, sizes) => {
      assert.deepEqual(await takeIn(chunksOf(bytes, ...sizes)), { ...expected, passedOver: [] });
    }),
    runs(100),
  );
});

test('SnapshotIntake keeps to the databases, names and types in scope', async (t) => {
  const options = {
    databases: new Set([0]),
    includes: (key: Buffer) => key.includes('s'),
    type: 'hash',
    preserveIdle: false,
  } as const;
  for (const { path, bytes } of files) {
    const { entries } = await readSnapshot(path, options);
    assert.deepEqual((await takeIn(chunksOf(bytes, 1000), options)).entries, entries);
  }
  t.diagnostic(`${files.length} snapshots`);
});

test('SnapshotIntake names the keys whose values are too large to be held, and goes on behind them', async () => {
  const large = [key('string', 's'.repeat(3 * MIB)), hash('hash', 60_000), key('packed', 'a'.repeat(60_001))];
  const parts = [key('first'), large[0]!, key('second'), large[1]!, large[2]!, key('last')];
  const bytes = snapshotOf(HEADER, ...parts);
  for (const sizes of [[bytes.length], [64 * KIB], [1000, 1, 70_000]]) {
    const { entries, error, passedOver } = await takeIn(chunksOf(bytes, ...sizes), { bigKey: 60_000 });
    assert.equal(error, undefined);
    assert.deepEqual(
      entries.map(({ key }) => String(key)),
      ['first', 'second', 'last'],
    );
    assert.deepEqual(passedOver, [
      [0, 'string'],
      [0, 'hash'],
      [0, 'packed'],
    ]);
  }
});

for (const { name, path, bytes } of files.filter(({ name }) => !name.includes('-c'))) {
  test(`SnapshotIntake passes over values of every encoding in pieces (${name})`, async () => {
    const { entries } = await readSnapshot(path);
    for (const bigKey of [0, 100]) {
      const taken = await takeIn(chunksOf(bytes, 3), { bigKey });
      const small = entries.filter(({ payload }) => payload!.length - 11 <= bigKey);
      assert.equal(taken.error, undefined);
      assert.deepEqual(taken.entries, small);
      const large = entries.filter((entry) => !small.includes(entry)).map(({ db, key }) => [db, String(key)]);
      assert.deepEqual(taken.passedOver, large);
    }
  });
}

test('SnapshotIntake holds a value of just as many bytes, and what stands around it', async () => {
  const bigKey = 20 * MIB;
  const aux = Buffer.concat([Buffer.of(250), build.strings('name', 'a'.repeat(100 * KIB))]);
  const value = key('k'.repeat(100 * KIB), 'v'.repeat(bigKey - 5));
  const { entries, error, passedOver } = await takeIn(chunksOf(snapshotOf(HEADER, value, aux, key('last')), 10 * KIB), {
    bigKey,
  });
  assert.equal(error, undefined);
  assert.deepEqual(passedOver, []);
  assert.deepEqual(
    entries.map(({ payload }) => payload!.length),
    [bigKey + 11, 17],
  );
});

test('SnapshotIntake names the keys of newer servers whose values it can pass over', async () => {
  for (const bytes of foreignSnapshots().slice(0, 3)) {
    const { error, passedOver, refused, entries } = await takeIn(chunksOf(bytes, 1));
    assert.deepEqual([error, refused], [undefined, []]);
    assert.equal(String(entries.at(-1)?.key ?? passedOver[0]![1]), 'last');
    assert.ok(passedOver.length > 0);
  }
});

test('SnapshotIntake cannot follow a snapshot beyond a value whose end is unknown, and says so by its code', async () => {
  const bytes = snapshotOf('REDIS0014', key('first'), [99], build.strings('unknown', 'x'), key('last'));
  const { error, entries, passedOver } = await takeIn(chunksOf(bytes, 1));
  assert.ok(error instanceof SnapshotError);
  assert.equal(error.code, 'SNAPSHOT');
  assert.match(
    error.message,
    /^Cannot read the snapshot of host:1: .*nothing tells where that value ends, at byte 22$/,
  );
  assert.deepEqual([entries.map(({ key }) => String(key)), passedOver], [['first'], [[0, 'unknown']]]);
});

test('SnapshotIntake says of every byte that is another one that something is wrong', async () => {
  for (let at = 0; at < sample.length; at += STEP) {
    const damaged = Buffer.from(sample);
    damaged[at]! ^= 1 << (at & 7);
    const { error } = await takeIn(chunksOf(damaged, 100));
    assert.ok(error instanceof SnapshotError, `byte ${at}: ${String(error)}`);
    assert.ok(error.offset <= damaged.length);
  }
});

test('SnapshotIntake gives what was whole before a snapshot ends too early, wherever that is', async () => {
  const { entries: all } = await takeIn([sample]);
  for (let length = 0; length < sample.length; length += STEP) {
    const { error, entries } = await takeIn(chunksOf(sample.subarray(0, length), 64));
    assert.ok(error instanceof SnapshotError, `${length} bytes: ${String(error)}`);
    assert.deepEqual(entries, all.slice(0, entries.length));
  }
});

test('SnapshotIntake refuses lengths that claim more than is held at once, and sizes that cannot be', async () => {
  const claims: [message: RegExp, ...parts: (Buffer | readonly number[])[]][] = [
    [/more than 17.0 MiB would have to be held at once, at byte 9$/, [0], build.length(2 ** 31)],
    [/more than 17.0 MiB would have to be held at once/, [245], build.length(2 ** 40, 64)],
    [/bytes cannot follow/, [0], build.strings('key'), build.length(Number.MAX_SAFE_INTEGER, 64)],
    [/it is cut off/, [0], build.strings('key'), build.length(2 ** 40, 64)],
  ];
  for (const [message, ...parts] of claims) {
    const { error } = await takeIn(chunksOf(snapshotOf(HEADER, ...parts), 5), { bigKey: MIB });
    assert.match(String(error), message);
  }
});

test('SnapshotIntake takes no more when the channel is full, says when it may come again, and loses nothing', async () => {
  const names = Array.from({ length: 1000 }, (_, i) => `key:${i}`);
  const bytes = snapshotOf(HEADER, ...names.map((name) => key(name, 'v'.repeat(90))));
  const channel = newChannel(64);
  let onDrain: (() => void) | undefined;
  const { intake } = intakeOf(channel, {}, () => onDrain?.());
  const taken: string[] = [];
  const settleAll = async (): Promise<void> => {
    while (await channel.readable()) {
      assert.ok(channel.unsettled <= 64);
      for (const entry = newEntry(); channel.take(entry); channel.settle(entry.page, sizeOf(entry))) {
        taken.push(String(entry.key));
      }
    }
  };
  const settling = settleAll();
  let waits = 0;
  for (const chunk of chunksOf(bytes, 10_000)) {
    const drained = new Promise<void>((resolve) => (onDrain = resolve));
    if (intake.push(chunk)) continue;
    waits += 1;
    await drained;
  }
  intake.end();
  await intake.done;
  channel.close();
  await settling;
  assert.deepEqual(taken, names);
  assert.ok(waits > 0);
});

test('SnapshotIntake ends with the reason for which the channel was closed, or that it is told', async () => {
  const channel = newChannel();
  const reason = new Error('the target is gone');
  const first = intakeOf(channel);
  first.intake.push(sample.subarray(0, 100));
  channel.abort(reason);
  first.intake.push(sample.subarray(100));
  await assert.rejects(first.intake.done, reason);
  const second = intakeOf(newChannel());
  second.intake.push(sample.subarray(0, 100));
  second.intake.stop(reason);
  second.intake.end();
  await assert.rejects(second.intake.done, reason);
});

test("SnapshotIntake goes by the source's clock, and tells expiries by one that never jumps where they are relative", async () => {
  const now = 2_000_000_000_000;
  const expiring = (name: string, at: number): Buffer =>
    Buffer.concat([Buffer.of(252), build.milliseconds(at), key(name)]);
  const bytes = snapshotOf(HEADER, expiring('gone', now), expiring('left', now + 5000), key('kept'));
  for (const isRelative of [false, true]) {
    const before = performance.now();
    const { entries, expired } = await takeIn([bytes], { clock: { now: () => now, isRelative } });
    assert.equal(expired, 1);
    assert.deepEqual(
      entries.map(({ key }) => String(key)),
      ['left', 'kept'],
    );
    const [left, kept] = entries.map(({ expireAt }) => Number(expireAt));
    assert.equal(kept, -1);
    if (!isRelative) assert.equal(left, now + 5000);
    else assert.ok(left! >= before + 5000 && left! <= performance.now() + 5000, String(left));
  }
});

test('SnapshotIntake tells of what it leaves out, and whether there was a checksum', async () => {
  const library = Buffer.concat([Buffer.of(245), build.string('#!lua name=lib\ncode')]);
  const whole = await takeIn(chunksOf(snapshotOf(HEADER, library, key('a')), 1));
  assert.deepEqual([whole.leftOut, whole.unchecked], [[['functions', 'lib', 1]], 0]);
  const unsummed = Buffer.concat([Buffer.from(HEADER), key('a'), Buffer.of(255), Buffer.alloc(8)]);
  assert.equal((await takeIn([unsummed])).unchecked, 1);
  const { error } = await takeIn([withChecksum(Buffer.concat([unsummed.subarray(0, -8)])), Buffer.from('more')]);
  assert.match(String(error), /4 bytes follow the end of the snapshot/);
});

test('SnapshotIntake puts its entries on the page that it was given', async () => {
  const { entries } = await takeIn([snapshotOf(HEADER, key('a'))], { page: 7 });
  assert.deepEqual(entries, [entryOf('a', entries[0]!.payload, { page: 7 })]);
});
