// Values of a stream that are too large to be held: read from where they lie, on the disk, as often as they are asked for.
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { newEntry, sizeOf, type Entry } from '../../../src/flow/entry.ts';
import { ValueDigest } from '../../../src/rdb/value-digest.ts';
import { payloadPieces } from '../../../src/rdb/pieces.ts';
import { moduleNameOf } from '../../../src/rdb/modules.ts';
import type { RespSource, RespSourceOptions } from '../../../src/source/resp-source.ts';
import { newChannel } from '../../support/entries.ts';
import { command, streamOf } from '../../support/frames.ts';
import { fileOf, PAYLOAD, sourceOf } from '../../support/resp-file.ts';
import * as build from '../rdb/payload-builder.ts';
import { NO_PAGE } from '../../../src/flow/key-id.ts';

const BIG_KEY = 10_000;

function listOf(text: string, items = 2000): Buffer {
  return build.payload(9, 1, build.length(items), ...Array.from({ length: items }, (_, i) => build.string(text + i)));
}

/** Small ones before and behind each large one. */
function streamWith(...payloads: readonly Buffer[]): Buffer {
  const frames = payloads.flatMap((payload, i) => [
    command('RESTORE', `small:${i}`, 0, PAYLOAD),
    command('RESTORE', `large:${i}`, 0, payload, 'REPLACE'),
  ]);
  return streamOf(Buffer.concat(frames), frames.length);
}

/** The same stream as a file, and packed. */
function filesOf(t: TestContext, stream: Buffer): string[] {
  return [fileOf(t, stream), fileOf(t, gzipSync(stream), 'f.resp.gz')];
}

/** Takes one after the other, and settles each when `use` is through with it. */
async function take(source: RespSource, use: (entry: Entry) => Promise<void>): Promise<void> {
  const channel = newChannel();
  const reading = source.read(channel).then(
    () => channel.close(),
    (error: unknown) => channel.close(error),
  );
  const entry = newEntry();
  while (await channel.readable()) {
    channel.take(entry);
    await use({ ...entry });
    channel.settle(entry.page, sizeOf(entry));
  }
  await reading;
}

async function assertIs({ key, large }: Entry, payload: Buffer): Promise<void> {
  const [read, expected] = [new ValueDigest(), new ValueDigest()];
  for await (const piece of large!.pieces()) read.add(piece);
  for (const piece of payloadPieces(payload)) expected.add(piece);
  assert.equal(read.differenceFrom(expected), undefined, String(key));
}

const LISTS = ['one', 'two', 'three', 'four', 'five', 'six'].map((text) => listOf(text));

test('RespSource gives out values above bigKey in pieces, as often as they are asked for, and the others whole', async (t) => {
  for (const path of filesOf(t, streamWith(...LISTS))) {
    let seen = 0;
    await take(sourceOf(path, { bigKey: BIG_KEY }), async (entry) => {
      const [name, number] = String(entry.key).split(':');
      if (name === 'small') return assert.ok(entry.payload!.equals(PAYLOAD));
      seen++;
      assert.deepEqual([entry.payload, entry.large!.type, entry.large!.reading], [null, 'list', 'same']);
      for (let i = 0; i < 2; i++) await assertIs(entry, LISTS[Number(number)]!);
    });
    assert.equal(seen, LISTS.length);
  }
});

test('RespSource has no more on the disk than is to wait there, and gives back what is not settled for good', async (t) => {
  const path = fileOf(t, gzipSync(streamWith(...LISTS)), 'f.resp.gz');
  const source = sourceOf(path, { bigKey: BIG_KEY, mostSpooled: 2 * LISTS[0]!.length - 100 });
  const channel = newChannel();
  const reading = source.read(channel);
  const entry = newEntry();
  for (const [first, last] of [
    [0, 1],
    [2, 3],
    [4, 5],
  ]) {
    // All small ones and the two large ones that have room.
    while (channel.unsettled < 4) await turn();
    for (let i = 0; i < 20; i++) await turn();
    assert.equal(channel.unsettled, 4);
    const taken: Entry[] = [];
    while (channel.take(entry)) taken.push({ ...entry });
    const large = taken.filter(({ payload }) => payload === null);
    assert.deepEqual(
      large.map(({ key }) => String(key)),
      [`large:${first}`, `large:${last}`],
    );
    // One comes back, and is as it was.
    source.again(large[0]!);
    for (const { key, payload } of taken) channel.settle(NO_PAGE, sizeOf({ ...entry, key, payload }));
    await channel.readable();
    while (channel.take(entry)) {
      await assertIs(entry, LISTS[first!]!);
      channel.settle(entry.page, sizeOf(entry));
    }
  }
  await reading;
});

test('RespSource reads a large value from the file that it has opened, whatever its name leads to by then', async (t) => {
  const path = fileOf(t, streamWith(...LISTS));
  await take(sourceOf(path, { bigKey: BIG_KEY }), async (entry) => {
    writeFileSync(`${path}.new`, 'another');
    renameSync(`${path}.new`, path);
    if (entry.large !== null) await assertIs(entry, LISTS[Number(String(entry.key).split(':')[1])]!);
  });
});

test('RespSource reads it all once more for a rescan, also from the disk', async (t) => {
  for (const path of filesOf(t, streamWith(...LISTS))) {
    const source = sourceOf(path, { bigKey: BIG_KEY });
    source.rescan((key) => String(key) === 'large:3');
    const seen: string[] = [];
    await take(source, async (entry) => {
      seen.push(String(entry.key));
      if (String(entry.key) === 'large:3') await assertIs(entry, LISTS[3]!);
    });
    assert.equal(seen.length, 2 * LISTS.length + 1);
  }
});

test('RespSource refuses a large value by its name where its checksum or what is inside is damaged', async (t) => {
  const [good, flipped] = [LISTS[0]!, Buffer.from(LISTS[1]!)];
  flipped[5000]! ^= 1;
  // Whole by its checksum, and with bytes behind the last item, or with an item too few.
  const longer = build.payload(9, 1, build.length(1), build.string('item'), Buffer.alloc(BIG_KEY));
  const shorter = build.payload(9, 1, build.length(3), build.string('x'.repeat(BIG_KEY)), build.string('item'));
  for (const path of filesOf(t, streamWith(good, flipped, longer, shorter, good))) {
    const refused: string[] = [];
    const onRefused = (key: string, why: string): void => void refused.push(`${key}: ${why}`);
    const read: string[] = [];
    await take(sourceOf(path, { bigKey: BIG_KEY }, undefined, undefined, onRefused), async ({ key, large }) => {
      if (large === null) return;
      try {
        for await (const _ of large.pieces());
        read.push(String(key));
      } catch (error) {
        read.push(`${String(key)}: ${(error as Error).message.replace(path, 'PATH')}`);
      }
    });
    const bytes = flipped.length.toLocaleString('en-US');
    assert.deepEqual(refused, [`large:1: Cannot decode the payload: the checksum is not that of its ${bytes} bytes`]);
    assert.deepEqual(
      read.map((line) => line.replace(/ at byte \d+( of the unpacked file)?$/, ' at byte N')),
      [
        'large:0',
        'large:2: Cannot read PATH: 10,000 bytes follow the value, at byte N',
        'large:3: Cannot read PATH: the file is cut off, 0 of 1 bytes follow, at byte N',
        'large:4',
      ],
    );
  }
});

test('RespSource carries whole what only its module or a newer server can read, however large', async (t) => {
  const module = build.payload(9, 7, Buffer.alloc(2 * BIG_KEY, 'module'));
  const newer = build.payload(81, 23, Buffer.alloc(2 * BIG_KEY, 'newer'));
  for (const path of filesOf(t, streamWith(module, newer))) {
    const payloads: Buffer[] = [];
    await take(sourceOf(path, { bigKey: BIG_KEY }), async ({ key, payload, large }) => {
      assert.equal(large, null);
      if (String(key).startsWith('large')) payloads.push(payload!);
    });
    assert.deepEqual(payloads, [module, newer]);
  }
});

test('RespSource knows the type of a large value and of a module’s, and the names of those that are not in scope', async (t) => {
  const hash = build.payload(9, 4, build.length(1), build.string('field'), build.string('x'.repeat(BIG_KEY)));
  const module = build.payload(9, 7, build.length(1n << 63n, 64), build.length(0));
  for (const path of filesOf(t, streamWith(LISTS[0]!, hash, LISTS[1]!, module))) {
    const namesOf = async (options: Partial<RespSourceOptions>): Promise<string[]> => {
      const names: string[] = [];
      await take(sourceOf(path, { bigKey: BIG_KEY, ...options }), async ({ key }) => void names.push(String(key)));
      return names;
    };
    assert.deepEqual(await namesOf({ type: 'hash' }), ['large:1']);
    assert.deepEqual(await namesOf({ type: 'list', includes: isNotSecond }), ['large:0', 'large:2']);
    assert.deepEqual(await namesOf({ type: moduleNameOf(1n << 63n) }), ['large:3']);
  }
});

test('RespSource.stop() ends the reading of a large value with the reason', async (t) => {
  for (const path of filesOf(t, streamWith(listOf('long'.repeat(100), 5000)))) {
    const source = sourceOf(path, { bigKey: BIG_KEY });
    const channel = newChannel();
    const reading = source.read(channel);
    const entry = newEntry();
    do await channel.readable();
    while (channel.take(entry) && entry.large === null);
    const pieces = entry.large!.pieces(1000);
    await pieces[Symbol.asyncIterator]().next();
    const reason = new Error('interrupted');
    source.stop(reason);
    await assert.rejects(reading, reason);
    await assert.rejects(async () => {
      for await (const _ of entry.large!.pieces(1000));
    }, reason);
  }
});

function isNotSecond(key: Buffer): boolean {
  return !String(key).endsWith(':1');
}
