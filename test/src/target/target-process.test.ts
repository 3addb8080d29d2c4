// Whether a process is the one that was met before, also where it does not say; and which of many acknowledged keys are kept
// to be looked for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EntryView } from '../../../src/flow/entry-view.ts';
import { type LargeValue, newEntry } from '../../../src/flow/entry.ts';
import type { KeyId } from '../../../src/flow/key-id.ts';
import { NEVER } from '../../../src/rdb/milliseconds.ts';
import { parseInfo, type ServerInfo } from '../../../src/server/info.ts';
import { TargetProcess, WrittenSample } from '../../../src/target/target-process.ts';

const PEER = { host: '127.0.0.1', port: 6379 };

function infoOf(runId: string, id = '', former = ''): ServerInfo {
  const ids = `master_replid:${id}\r\nmaster_replid2:${former}`;
  return parseInfo(`redis_version:7.0.15\r\nrun_id:${runId}\r\n${ids}\r\n`);
}

test('TargetProcess knows a process by its id, and takes one without for the same where nothing was under way', () => {
  const process = new TargetProcess();
  assert.equal(process.meets(infoOf('a'), PEER, false), false);
  assert.equal(process.meets(infoOf('a'), PEER, false), true);
  assert.equal(process.meets(infoOf('b'), PEER, true), false);
  assert.equal(process.info?.runId, 'b');
  const nameless = new TargetProcess();
  nameless.meets(infoOf(''), PEER, false);
  assert.equal(nameless.meets(infoOf(''), PEER, true), true);
  assert.equal(nameless.meets(infoOf(''), PEER, false), false);
});

test('TargetProcess takes one that was a replica meanwhile for another one, and one that has got a replica for the same', () => {
  const process = new TargetProcess();
  process.meets(infoOf('a', '1', '000'), PEER, true);
  assert.equal(process.meets(infoOf('a', '2', '000'), PEER, true), true);
  assert.equal(process.meets(infoOf('a', '4', '3'), PEER, true), false);
  assert.equal(process.meets(infoOf('a', '4', '3'), PEER, true), true);
});

test('TargetProcess gives up where another one answers each time', () => {
  const process = new TargetProcess();
  for (let i = 0; i < 6; i++) assert.equal(process.meets(infoOf(`process ${i}`), PEER, true), false);
  assert.throws(() => process.meets(infoOf('yet another'), PEER, true), { code: 'TARGET_REPLACED' });
});

test('TargetProcess counts those no more of which all that was lost is written again', () => {
  const process = new TargetProcess();
  let met = 0;
  const meetMore = (times: number): void => {
    for (let i = 0; i < times; i++) process.meets(infoOf(`process ${met++}`), PEER, true);
  };
  meetMore(6);
  process.beginRegaining()();
  meetMore(3);
  const end = process.beginRegaining();
  // What is lost meanwhile is no part of that.
  meetMore(2);
  end();
  meetMore(3);
  assert.throws(() => meetMore(1), { code: 'TARGET_REPLACED' });
});

test('TargetProcess goes on counting what was evicted where the counts of the server begin anew', () => {
  const evicting = (evictedKeys: number): ServerInfo => ({ ...infoOf('a', '1', '000'), evictedKeys });
  const process = new TargetProcess();
  process.meets(evicting(5), PEER, true);
  assert.equal(process.evictedBy(evicting(5)), 0);
  // It is asked now and then while the source is followed.
  process.demandKept({ peer: PEER, fail: assert.fail } as never, evicting(12));
  assert.equal(process.evictedBy(evicting(0)), 7);
  assert.equal(process.evictedBy(evicting(2)), 9);
  process.meets({ ...infoOf('b'), evictedKeys: 3 }, PEER, true);
  assert.equal(process.evictedBy({ ...infoOf('b'), evictedKeys: 3 }), 0);
});

const STRING = Buffer.from([0, 1, 2]);

function sampleOf(keys: number, expireAt: number = NEVER): WrittenSample {
  const sample = new WrittenSample();
  for (let i = 0; i < keys; i++)
    sample.offer(EntryView.of({ ...newEntry(), kind: 'value', payload: STRING, expireAt }), 3, Buffer.from(`key:${i}`));
  return sample;
}

function numbersIn(sample: WrittenSample): number[] {
  return sample.presentAt(0).map(({ name }) => Number(name.toString().slice(4)));
}

test('WrittenSample keeps every key while there are few', () => {
  // The last ones may be among those by chance as well.
  assert.deepEqual(
    numbersIn(sampleOf(500)),
    Array.from({ length: 500 }, (_, i) => i),
  );
});

test('WrittenSample keeps the first and the last of many, and some in between', () => {
  const kept = new Set(numbersIn(sampleOf(100_000)));
  assert.ok([0, 1, 63].every((number) => kept.has(number)));
  assert.ok([99_936, 99_999].every((number) => kept.has(number)));
  const between = [...kept].filter((number) => number > 1000 && number < 99_000);
  assert.ok(between.length > 300 && kept.size <= 640, `${between.length} of ${kept.size}`);
  assert.ok(between.some((number) => number < 50_000) && between.some((number) => number > 50_000));
});

test('WrittenSample leaves out what has expired by then, and hashes whose fields may', () => {
  assert.equal(sampleOf(3, 1000).presentAt(999).length, 3);
  assert.equal(sampleOf(3, 1000).presentAt(1000).length, 0);
  const sample = new WrittenSample();
  sample.offer(EntryView.of({ ...newEntry(), kind: 'value', payload: Buffer.from([24, 0]) }), 0, Buffer.from('hash'));
  const large: LargeValue = { type: undefined, fieldsExpire: true, pieces: () => assert.fail('Nobody reads it') };
  sample.offer(EntryView.of({ ...newEntry(), kind: 'large', large }), 0, Buffer.from('large hash'));
  assert.equal(sample.presentAt(0).length, 0);
});

test('WrittenSample keeps nothing of what is written again', () => {
  const sample = sampleOf(1000);
  sample.clear();
  assert.equal(sample.presentAt(0).length, 0);
});

function viewOf(i: number, expireAt: number): EntryView {
  return EntryView.of({ ...newEntry(), kind: 'value', key: Buffer.from(`key:${i}`), payload: STRING, expireAt });
}

for (const renames of [false, true]) {
  test(`WrittenSample hears of a new expiry of any key that it keeps, ${renames ? 'also under another name' : 'of thousands'}`, () => {
    const targetOf = ({ db, key }: KeyId): KeyId => ({ db, key: renames ? Buffer.from(`new:${String(key)}`) : key });
    const sample = new WrittenSample(targetOf, renames);
    const keys = Array.from({ length: 5000 }, (_, i) => i);
    for (const i of keys) {
      const view = viewOf(i, 1000);
      const { db, key } = targetOf(view);
      sample.offer(view, db, key);
    }
    const kept = sample.presentAt(0).length;
    sample.renew(viewOf(0, 10));
    assert.equal(sample.presentAt(100).length, kept - 1);
    for (const i of keys) sample.renew(viewOf(i, 10));
    assert.equal(sample.presentAt(100).length, 0);
  });
}
