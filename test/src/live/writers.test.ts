// Who writes to a source, where what its servers remove by themselves is told as any other change.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RemovedCounts } from '../../../src/live/removed-counts.ts';
import { Writers } from '../../../src/live/writers.ts';
import type { Written } from '../../../src/live/written-keys.ts';
import { parseInfo, type ServerInfo } from '../../../src/server/info.ts';

const EXPIRED = 500;

/** One source, of which some keys have expired before it is looked at. */
async function begin() {
  const told = {
    changes: 0,
    gone: 0,
    count: (_db: number | undefined, _key: Buffer, times: number) => ((told.changes += times), true),
    countUnnamed: (changes: number) => void (told.changes += changes),
    settled: async () => {},
    onReadKey: undefined as ((key: Buffer, isGone: boolean) => void) | undefined,
    get told() {
      return { changes: told.changes, gone: told.gone };
    },
  };
  const counts = new RemovedCounts();
  counts.hear(infoOf('a', EXPIRED));
  const written: { now: Written; onAsked?: () => void } = { now: { keys: [], slots: [] } };
  const feeds = {
    removed: () => Promise.resolve({ keys: counts.keys, fields: counts.fields }),
    caughtUp: async () => {},
    tellsWritesApart: false,
    written: () => {
      written.onAsked?.();
      return Promise.resolve(written.now);
    },
  };
  const writers = new Writers(feeds, told);
  await writers.begin();
  const write = (changes: number): void => void (told.changes += changes);
  return { writers, told, counts, feeds, written, write, count: () => writers.count() };
}

test('Writers takes keys for expired that the server has expired since it was asked first, and no more', async () => {
  const { told, counts, count } = await begin();
  counts.hear(infoOf('a', EXPIRED + 10));
  told.changes += 15;
  told.gone += 15;
  assert.equal(await count(), 5);
});

test('RemovedCounts begins anew with a server that counts anew, and sees nothing in what another one has counted', () => {
  const counts = new RemovedCounts();
  const heard = (runId: string, expired: number): number => {
    counts.hear(infoOf(runId, expired));
    return counts.keys;
  };
  assert.deepEqual(
    [heard('a', EXPIRED), heard('a', EXPIRED + 2), heard('a', 1), heard('a', 2), heard('other', 10 * EXPIRED)],
    [0, 2, 2, 3, 3],
  );
});

test('Writers.idleFor() begins anew with whoever writes', async () => {
  const { writers, write } = await begin();
  await writers.idleFor();
  const before = performance.now();
  while (performance.now() - before < 5) await writers.idleFor();
  write(1);
  assert.ok((await writers.idleFor()) < performance.now() - before);
});

test('Writers counts what has to be asked for, by name or not, and not what was written before', async () => {
  const { writers, told, written, count } = await begin();
  written.now = { keys: [{ db: 0, key: Buffer.from('early'), times: 1 }], slots: [] };
  await writers.begin();
  const before = told.changes;
  written.now = { keys: [{ db: 0, key: Buffer.from('late'), times: 2 }], slots: [7] };
  await writers.look();
  assert.equal(await count(), 3);
  assert.deepEqual(writers.names.map(String), ['late']);
  assert.equal(told.changes, before + 3);
});

test('Writers names keys that are gone only where there are no others, and is not full of keys that expire', async () => {
  const { writers, told, written, feeds } = await begin();
  const keys = Array.from({ length: 30 }, (_, i) => Buffer.from(`expired:${i}`));
  for (const key of keys) told.onReadKey!(key, true);
  assert.equal(writers.names.length, 20);
  // It was there before.
  told.onReadKey!(keys[3]!, false);
  assert.equal(String(writers.names[0]), 'expired:3');
  told.onReadKey!(keys[3]!, true);
  told.onReadKey!(Buffer.from('written'), false);
  const [first, ...others] = writers.names.map(String);
  assert.deepEqual([first, others.length], ['written', 19]);
  assert.ok(others.every((name) => name.startsWith('expired:')));

  // Where writes are told apart, what is read may only have moved.
  feeds.tellsWritesApart = true;
  told.onReadKey = undefined;
  await writers.begin();
  assert.equal(told.onReadKey, undefined);
  const counted = told.count;
  const count = (key: string, isGone: boolean): Promise<void> => {
    told.count = (...args) => ((told.gone += isGone ? 1 : 0), counted(...args));
    written.now = { keys: [{ db: 0, key: Buffer.from(key), times: 1 }], slots: [] };
    return writers.look();
  };
  await count('expired', true);
  await count('written', false);
  assert.deepEqual(writers.names.map(String), ['written', 'expired']);
});

test('Writers takes a key for expired that expires and is read while it begins, and is counted behind that', async () => {
  const { writers, told, counts, written, count } = await begin();
  written.onAsked = () => counts.hear(infoOf('a', EXPIRED + 1));
  await writers.begin();
  delete written.onAsked;
  told.count = () => {
    told.changes += 1;
    told.gone += 1;
    return true;
  };
  written.now = { keys: [{ db: 0, key: Buffer.from('expired'), times: 1 }], slots: [] };
  await writers.look();
  assert.equal(await count(), 0);
});

function infoOf(runId: string, expired: number): ServerInfo {
  return parseInfo(`run_id:${runId}\r\nexpired_keys:${expired}\r\n`);
}
