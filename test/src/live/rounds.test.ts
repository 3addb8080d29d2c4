// Rounds of changed keys: what is read when, and what waits for what.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { newEntry, type EntryKind } from '../../../src/flow/entry.ts';
import { EntryView } from '../../../src/flow/entry-view.ts';
import { Streams } from '../../../src/live/streams.ts';
import { bench, until, type Asked } from '../../support/live/rounds-bench.ts';

test('A key that changes many times during a round is read once in the next', async () => {
  const { rounds, asked, settle } = bench();
  rounds.change(0, Buffer.from('hot'));
  await until(() => asked.length === 1);
  for (let i = 0; i < 1000; i++) rounds.change(0, Buffer.from('hot'));
  await turn();
  assert.equal(asked.length, 1, 'it is not read while the round is under way');
  settle();
  await until(() => asked.length === 1);
  settle();
  await rounds.settled();
  assert.equal(rounds.begun, 2);
  assert.equal(rounds.behind, 0);
  rounds.end();
});

test('A key whose database is not told is read in every one that is followed', async () => {
  const { rounds, asked, settle } = bench();
  rounds.change(undefined, Buffer.from('key'));
  await until(() => asked.length === 2);
  assert.deepEqual(
    asked.map(({ db }) => db),
    [0, 3],
  );
  settle();
  rounds.change(7, Buffer.from('elsewhere'));
  rounds.change(0, Buffer.from('out of scope'));
  await rounds.settled();
  assert.equal(rounds.changes, 1);
  rounds.end();
});

test('Rounds.settled() waits for what is marked by then, and for no more', async () => {
  const { rounds, asked, settle } = bench();
  rounds.change(0, Buffer.from('before'));
  let isSettled = false;
  const settled = rounds.settled().then(() => (isSettled = true));
  await until(() => asked.length === 1);
  rounds.change(0, Buffer.from('after'));
  await turn();
  assert.equal(isSettled, false);
  settle();
  await settled;
  rounds.end();
});

test('A large value holds up no round, and is not read again before it is written and its time has come', async () => {
  const { rounds, ledger, asked, settle } = bench({ settleMs: 50 });
  rounds.change(0, Buffer.from('large'));
  await until(() => asked.length === 1);
  const view = viewOf(asked[0]!, 'large');
  rounds.onRead(view);
  asked.length = 0;
  assert.equal(rounds.isChange(view.page), true);
  for (let i = 0; i < 3; i++) {
    rounds.change(0, Buffer.from('large'));
    rounds.change(0, Buffer.from('small'));
    await until(() => asked.length === 1);
    assert.equal(asked[0]!.key, 'small');
    settle();
  }
  const writtenAt = performance.now();
  ledger.settle(view.page);
  await until(() => asked.length === 1);
  assert.equal(asked[0]!.key, 'large');
  assert.ok(performance.now() - writtenAt < 1000);
  settle();
  await rounds.settled();
  assert.equal(rounds.behind, 0);
  rounds.end();
});

test('Rounds.settled() waits for large values, and for what has changed of them meanwhile', async () => {
  const { rounds, ledger, asked, settle } = bench({ settleMs: 60_000 });
  rounds.change(0, Buffer.from('large'));
  await until(() => asked.length === 1);
  const view = viewOf(asked[0]!, 'large');
  rounds.onRead(view);
  asked.length = 0;
  rounds.change(0, Buffer.from('large'));
  let isSettled = false;
  const settled = rounds.settled({ isHurried: true }).then(() => (isSettled = true));
  await turn();
  assert.equal(isSettled, false);
  ledger.settle(view.page);
  await until(() => asked.length === 1);
  assert.equal(isSettled, false);
  settle();
  await settled;
  rounds.end();
});

test('Rounds.settled() waits for no further round where the one that reads a large value again has begun already', async () => {
  const { rounds, ledger, asked, settle } = bench({ settleMs: 0 });
  await rounds.settled({ isHurried: true });
  rounds.change(0, Buffer.from('large'));
  await until(() => asked.length === 1);
  const view = viewOf(asked[0]!, 'large');
  rounds.onRead(view);
  asked.length = 0;
  rounds.change(0, Buffer.from('large'));
  // Whoever reads rounds sleeps before whoever waits for them does: so it is woken before, too.
  await turn();
  let isSettled = false;
  void rounds.settled().then(() => (isSettled = true));
  ledger.settle(view.page);
  await until(() => asked.length === 1);
  settle();
  await until(() => isSettled);
  rounds.end();
});

test('Rounds.done counts a round only once its large values are written', async () => {
  const { rounds, ledger, asked, settle } = bench({ settleMs: 0 });
  rounds.change(0, Buffer.from('large'));
  await until(() => asked.length === 1);
  const view = viewOf(asked[0]!, 'large');
  rounds.onRead(view);
  asked.length = 0;
  rounds.change(0, Buffer.from('small'));
  await until(() => asked.length === 1);
  settle();
  assert.equal(rounds.done, 0);
  ledger.settle(view.page);
  await until(() => rounds.done === 2);
  rounds.end();
});

test('A place is passed once all that was marked by then is settled, and no sooner', async () => {
  const { rounds, asked, settle } = bench();
  assert.equal(rounds.hasPassed(rounds.place), true);
  rounds.change(0, Buffer.from('first'));
  await until(() => asked.length === 1);
  const during = rounds.place;
  rounds.change(0, Buffer.from('second'));
  const behind = rounds.place;
  settle();
  await until(() => asked.length === 1);
  assert.deepEqual([during, behind].map(rounds.hasPassed.bind(rounds)), [true, false]);
  settle();
  await until(() => rounds.hasPassed(behind));
  rounds.end();
});

test('A place is passed only once large values are read again that had changed while they were written', async () => {
  const { rounds, ledger, asked, settle } = bench({ settleMs: 20 });
  rounds.change(0, Buffer.from('large'));
  await until(() => asked.length === 1);
  const view = viewOf(asked[0]!, 'large');
  rounds.onRead(view);
  asked.length = 0;
  const before = rounds.place;
  assert.equal(rounds.hasPassed(before), false);
  rounds.change(0, Buffer.from('large'));
  const changed = rounds.place;
  ledger.settle(view.page);
  assert.deepEqual([before, changed].map(rounds.hasPassed.bind(rounds)), [true, false]);
  await until(() => asked.length === 1);
  assert.equal(rounds.hasPassed(changed), false);
  settle();
  await until(() => rounds.hasPassed(changed));
  rounds.end();
});

test('A name for which there is no room is told', async () => {
  const { rounds, overflown, asked } = bench({ mostKeys: 2 });
  rounds.change(0, Buffer.from('a'));
  await until(() => asked.length === 1);
  for (const key of ['b', 'c', 'd']) rounds.change(0, Buffer.from(key));
  assert.deepEqual(overflown, ['d']);
  rounds.end();
});

test('Streams keeps the names of streams, and of large values that may be some, up to its limit', () => {
  const streams = new Streams(2);
  const stream = { ...newEntry(), kind: 'value' as const, key: Buffer.from('s'), payload: Buffer.from([21, 0]) };
  streams.observe(EntryView.of(stream));
  streams.observe(EntryView.of({ ...stream, key: Buffer.from('string'), payload: Buffer.from([0, 0]) }));
  assert.deepEqual(
    streams.portions.flat().map(({ key }) => String(key)),
    ['s'],
  );
  streams.observe(EntryView.of({ ...stream, key: Buffer.from('t'), payload: Buffer.from([15, 0]) }));
  assert.equal(streams.isComplete, true);
  streams.observe(EntryView.of({ ...stream, key: Buffer.from('u') }));
  assert.equal(streams.isComplete, false);
  streams.forget(EntryView.of({ ...stream, kind: 'gone' }));
  assert.deepEqual(
    streams.portions.flat().map(({ key }) => String(key)),
    ['t'],
  );
});

test('Streams keeps no more of long names than it has room for, and says so', () => {
  const streams = new Streams(1000);
  const stream = { ...newEntry(), kind: 'value' as const, payload: Buffer.from([21, 0]) };
  const names = Array.from({ length: 9 }, (_, i) => Buffer.alloc(8 * 1024 * 1024, String(i)));
  const observe = (key: Buffer): void => streams.observe(EntryView.of({ ...stream, key }));
  for (const name of names.slice(0, 7)) observe(name);
  streams.forget(EntryView.of({ ...stream, key: names[0]!, kind: 'gone' }));
  observe(names[7]!);
  assert.equal(streams.isComplete, true);
  observe(names[8]!);
  assert.equal(streams.isComplete, false);
  assert.equal(streams.portions.flat().length, 7);
});

test('A value that went on changing while it was read is read again, and is waited for at the cutover', async () => {
  const { rounds, ledger, asked } = bench({ settleMs: 60_000 });
  rounds.change(0, Buffer.from('large'));
  await until(() => asked.length === 1);
  const giveUp = (): void => {
    const view = viewOf(asked.splice(0)[0]!, 'large');
    rounds.onRead(view);
    rounds.onChanging({ db: 0, key: Buffer.from('large') });
    ledger.settle(view.page);
  };
  let isSettled = false;
  const settling = rounds.settled({ isHurried: true }).then(() => (isSettled = true));
  for (let times = 0; times < 3; times++) {
    await until(() => asked.length === 1);
    giveUp();
  }
  await until(() => asked.length === 1);
  assert.equal(isSettled, false);
  ledger.settle(asked[0]!.page);
  await settling;
  assert.equal(rounds.behind, 0);
  rounds.end();
});

function viewOf({ db, key, page }: Asked, kind: EntryKind): EntryView {
  return EntryView.of({ ...newEntry(), db, key: Buffer.from(key), page, kind });
}
