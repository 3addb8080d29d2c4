// Snapshots that are wrong somewhere, ten thousand in the long tier: each is read, or refused with an offset, in little time and
// memory; the same as it comes in chunks.
import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { StreamError } from '../../../src/file/stream-ends.ts';
import { newEntry, sizeOf, type Entry } from '../../../src/flow/entry.ts';
import { PayloadError } from '../../../src/rdb/payload.ts';
import { newChannel } from '../../support/entries.ts';
import { foreignSnapshots } from '../../support/foreign-snapshots.ts';
import { SnapshotError } from '../../../src/source/snapshot-intake.ts';
import { chunksOf, readSnapshot, snapshotFile, snapshotSource, takeIn } from '../../support/rdb-file.ts';
import { readSnapshots } from '../../support/snapshot-fixtures.ts';
import { count } from '../../support/tier.ts';
import { Mutations } from '../rdb/mutations.ts';

const ROUNDS = count(300, 4000);
/** Those of the other servers have nothing that these lack, and take their time. */
const LARGE = new Set(['redis-6.0', 'redis-8.0', 'valkey-9.1']);
const CHUNKED_ROUNDS = count(150, 5_000);
const SEED = 0x72646266;
/** Of one file: thousands of times what one takes, as the machine may be busy; a reader gone astray takes longer. */
const SLOWEST_MS = 10_000;
/** What may be allocated and not yet collected: windows, slabs, and values. A length that is believed takes more. */
const MOST_BYTES = 400_000_000;

test(`RdbSource reads or refuses ${ROUNDS} snapshots that are wrong somewhere`, async (t) => {
  // Without a checksum, so that the reader has to notice.
  const files = readSnapshots().filter(({ name }) => LARGE.has(name) || /-(lfu|cluster)$/.test(name));
  const whole = [...files.map(({ path }) => readFileSync(path)), ...foreignSnapshots()];
  const originals = whole.map((bytes) => Buffer.concat([bytes.subarray(0, -8), Buffer.alloc(8)]));
  const mutations = new Mutations(SEED);
  const path = snapshotFile(t, Buffer.alloc(0));
  // To open it anew for each round takes longer than to read it.
  const file = openSync(path, 'r+');
  t.after(() => closeSync(file));
  const before = process.memoryUsage().arrayBuffers;
  let read = 0;
  let refused = 0;
  let damaged = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const bytes = mutations.nextOf(originals);
    ftruncateSync(file);
    writeSync(file, bytes, 0, bytes.length, 0);
    const start = performance.now();
    const { error, badValues } = await readAll(path, round % 4 === 0 ? 0 : 1000);
    const elapsed = performance.now() - start;
    assert.ok(elapsed < SLOWEST_MS, `round ${round} took ${elapsed} ms`);
    const held = process.memoryUsage().arrayBuffers - before;
    assert.ok(held < MOST_BYTES, `round ${round}: ${held} bytes are held`);
    damaged += badValues;
    if (error === undefined) read += 1;
    else {
      if (!(error instanceof StreamError)) throw new Error(`Round ${round}`, { cause: error });
      assert.ok(error.offset <= bytes.length, `round ${round}: ${error.message}`);
      refused += 1;
    }
  }
  // Else the mutations are too few or too many to tell anything.
  assert.ok(read > ROUNDS / 20 && refused > ROUNDS / 3 && damaged > ROUNDS / 200, `${read}, ${refused}, ${damaged}`);
});

test(`SnapshotIntake makes of ${CHUNKED_ROUNDS} snapshots that are wrong somewhere what RdbSource makes of them`, async (t) => {
  const whole = readSnapshots().filter(({ name }) => name.endsWith('-cluster'));
  const summed = [...whole.map(({ path }) => readFileSync(path)), ...foreignSnapshots()];
  const originals = summed.map((bytes) => Buffer.concat([bytes.subarray(0, -8), Buffer.alloc(8)]));
  const mutations = new Mutations(SEED + 1);
  const path = snapshotFile(t, Buffer.alloc(0));
  const file = openSync(path, 'r+');
  t.after(() => closeSync(file));
  let refused = 0;
  for (let round = 0; round < CHUNKED_ROUNDS; round += 1) {
    const bytes = mutations.nextOf(originals);
    ftruncateSync(file);
    writeSync(file, bytes, 0, bytes.length, 0);
    const read = await readSnapshot(path);
    const taken = await takeIn(chunksOf(bytes, 1 + (round % 300)));
    // What has to be read elsewhere is refused where it is in a file, or carried without what modules have attached.
    const elsewhere = new Set(taken.passedOver.map(String));
    const isTaken = ({ db, key }: Entry): boolean => !elsewhere.has(String([db, key]));
    assert.deepEqual(taken.entries.filter(isTaken), read.entries.filter(isTaken), `round ${round}`);
    assert.equal(taken.error instanceof SnapshotError, read.error instanceof StreamError, `round ${round}`);
    if (taken.error !== undefined) refused += 1;
  }
  assert.ok(refused > CHUNKED_ROUNDS / 3 && refused < CHUNKED_ROUNDS, String(refused));
});

interface Read {
  readonly error?: unknown;
  /** Values in pieces that could not be read. */
  readonly badValues: number;
}

/** Of large values all pieces are read. */
async function readAll(path: string, bigKey: number): Promise<Read> {
  const channel = newChannel();
  const { source } = snapshotSource(path, { bigKey });
  source.read(channel).then(
    () => channel.close(),
    (error: unknown) => channel.close(error),
  );
  let badValues = 0;
  try {
    while (await channel.readable()) {
      for (const entry = newEntry(); channel.take(entry); channel.settle(entry.page, sizeOf(entry))) {
        try {
          if (entry.large !== null) for await (const piece of entry.large.pieces()) void piece;
        } catch (error) {
          assert.ok(error instanceof PayloadError, String(error));
          badValues += 1;
        }
      }
    }
    return { badValues };
  } catch (error) {
    return { error, badValues };
  }
}
