// How many keys that have changed count as gone, whatever else they are read for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { newEntry, type EntryKind } from '../../../src/flow/entry.ts';
import { EntryView } from '../../../src/flow/entry-view.ts';
import type { Rounds } from '../../../src/live/rounds.ts';
import { MOST_NAMES } from '../../../src/live/gone-count.ts';
import { bench, until, type Asked } from '../../support/live/rounds-bench.ts';

test('Rounds.gone counts a key that has changed once, which is to be read for another reason as well', async () => {
  const marked = goneAfter((rounds, key) => {
    rounds.change(0, key);
    rounds.mark(0, key);
  });
  assert.equal(await marked, 1);
  const markedWhileRead = goneAfter(async (rounds, key, reads) => {
    rounds.change(0, key);
    await reads();
    rounds.mark(0, key);
  });
  assert.equal(await markedWhileRead, 1);
  const counted = goneAfter((rounds, key) => {
    rounds.mark(0, key);
    rounds.count(0, key);
    rounds.mark(0, key);
  });
  assert.equal(await counted, 1);
  const countedWhileRead = goneAfter(async (rounds, key, reads) => {
    rounds.mark(0, key);
    await reads();
    rounds.count(0, key);
    rounds.mark(0, key);
  });
  assert.equal(await countedWhileRead, 1);
});

test('Rounds.gone counts a key whose database is not told once, if it is gone from each, where not all is in scope', async () => {
  const { rounds, asked, settle } = bench();
  const read = async (isThere: (key: Asked) => boolean): Promise<number> => {
    const before = rounds.gone;
    await until(() => asked.length > 0);
    for (const key of asked) if (!isThere(key)) rounds.onRead(viewOf(key, 'gone'));
    settle();
    await rounds.settled();
    return rounds.gone - before;
  };
  for (const key of ['written', 'removed']) rounds.change(undefined, Buffer.from(key));
  assert.equal(await read(({ db, key }) => db === 3 && key === 'written'), 1);
  for (const key of ['one', 'two']) rounds.change(0, Buffer.from(key));
  assert.equal(await read(() => false), 2);
  rounds.end();
});

test('Rounds.gone counts no key that was read for another reason, until it counts as changed', async () => {
  const { rounds, asked, settle } = bench();
  const answer = async (kind: EntryKind): Promise<void> => {
    await until(() => asked.length > 0);
    for (const one of asked) rounds.onRead(viewOf(one, kind));
    settle();
  };
  const read = async (kind: EntryKind): Promise<number> => {
    await answer(kind);
    await rounds.settled();
    return rounds.gone;
  };
  rounds.mark(0, Buffer.from('moved'));
  assert.equal(await read('gone'), 0);
  // It is found out later that somebody has removed it.
  assert.equal(rounds.count(0, Buffer.from('moved')), true);
  assert.equal(rounds.gone, 1);
  rounds.mark(0, Buffer.from('there'));
  assert.equal(await read('value'), 1);
  rounds.change(0, Buffer.from('there'));
  assert.equal(await read('gone'), 2);
  // It is marked once more while it is read.
  rounds.mark(0, Buffer.from('twice'));
  await until(() => asked.length > 0);
  rounds.mark(0, Buffer.from('twice'));
  await answer('value');
  assert.equal(await read('gone'), 2);
  rounds.mark(0, Buffer.from('both'));
  rounds.change(0, Buffer.from('both'));
  assert.equal(await read('gone'), 3);
  rounds.end();
});

test('Rounds.onReadKey hears of keys that have changed, and of none that is read for another reason', async () => {
  const { rounds, asked, settle } = bench();
  const heard: string[] = [];
  rounds.onReadKey = (key, isGone) => heard.push(`${String(key)} ${isGone ? 'gone' : 'there'}`);
  rounds.mark(0, Buffer.from('moved'));
  rounds.mark(0, Buffer.from('left'));
  rounds.change(0, Buffer.from('written'));
  rounds.change(0, Buffer.from('expired'));
  await until(() => asked.length === 4);
  for (const one of asked) rounds.onRead(viewOf(one, ['left', 'expired'].includes(one.key) ? 'gone' : 'value'));
  settle();
  assert.deepEqual(heard, ['written there', 'expired gone']);
  rounds.end();
});

test('Rounds.gone counts what has changed however many keys there was no room for before', async () => {
  const { rounds, asked, overflown, settle } = bench({ mostKeys: 10 });
  for (let i = 0; i < MOST_NAMES; i++) {
    rounds.mark(0, Buffer.from(`key:${i}`));
    rounds.mark(7, Buffer.from(`elsewhere:${i}`));
  }
  assert.ok(overflown.length > 0);
  await until(() => asked.length > 0);
  settle();
  await rounds.settled();
  rounds.change(0, Buffer.from('key'));
  await until(() => asked.length > 0);
  rounds.onRead(viewOf(asked[0]!, 'gone'));
  assert.equal(rounds.gone, 1);
  rounds.end();
});

test('Rounds.told has as many keys that are gone as have changed by then: those of rounds that are done with', async () => {
  const { rounds, asked, settle } = bench();
  const told = async (act: () => void): Promise<number[]> => {
    await until(() => asked.length > 0);
    act();
    for (const one of asked) rounds.onRead(viewOf(one, 'gone'));
    const { changes, gone } = rounds.told;
    settle();
    return [changes, gone, rounds.told.changes, rounds.told.gone, rounds.changes];
  };
  rounds.change(0, Buffer.from('one'));
  rounds.change(0, Buffer.from('written'));
  assert.deepEqual(await told(() => rounds.change(0, Buffer.from('two'))), [0, 0, 2, 2, 3]);
  assert.deepEqual(await told(() => rounds.countUnnamed(2)), [4, 2, 5, 3, 5]);
  rounds.mark(0, Buffer.from('moved'));
  assert.deepEqual(await told(() => {}), [5, 3, 5, 3, 5]);
  rounds.count(0, Buffer.from('moved'));
  assert.deepEqual(rounds.told, { changes: 6, gone: 4 });
  rounds.end();
});

/** What counts as gone once everything is read and gone. */
async function goneAfter(act: (rounds: Rounds, key: Buffer, reads: () => Promise<void>) => unknown): Promise<number> {
  const { rounds, asked, settle } = bench();
  const reads = (): Promise<void> => until(() => asked.length > 0);
  await act(rounds, Buffer.from('key'), reads);
  while (rounds.behind > 0) {
    await reads();
    for (const one of asked) rounds.onRead(viewOf(one, 'gone'));
    settle();
    await turn();
  }
  rounds.end();
  return rounds.gone;
}

function viewOf({ db, key, page }: Asked, kind: EntryKind): EntryView {
  return EntryView.of({ ...newEntry(), db, key: Buffer.from(key), page, kind });
}
