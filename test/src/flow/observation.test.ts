// What stands out of what is read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bytes } from '../../../resp/bytes.ts';
import { EntryRun } from '../../../src/flow/entry-run.ts';
import { EntryView } from '../../../src/flow/entry-view.ts';
import { newEntry, type Entry } from '../../../src/flow/entry.ts';
import { Observation } from '../../../src/flow/observation.ts';
import { NEVER } from '../../../src/rdb/milliseconds.ts';

/** Type byte, and a value and a footer of some length. */
function payloadOf(typeByte: number, bytes: number): Buffer {
  const payload = Buffer.alloc(bytes, 0x55);
  payload[0] = typeByte;
  // RDB version 11.
  payload.writeUInt16LE(11, bytes - 10);
  return payload;
}

function entryOf(key: string, payload: Buffer): EntryView {
  return EntryView.of({ ...newEntry(), kind: 'value', key: Buffer.from(key), payload });
}

function runOf(values: readonly (readonly [key: string, payload: Buffer])[]): EntryRun {
  const run = new EntryRun();
  const keys = Buffer.from(values.map(([key]) => key).join(''));
  const payloads = Buffer.concat(values.map(([, payload]) => payload));
  run.begin(0, 1, new Bytes(keys), new Bytes(payloads));
  let [key, at] = [0, 0];
  for (const [name, payload] of values) {
    run.add(key, (key += name.length), at, (at += payload.length), NEVER);
  }
  return run;
}

test('Observation counts a run and single entries by type, whatever their encoding', () => {
  const observation = new Observation();
  observation.onRun(
    runOf([
      ['a', payloadOf(0, 20)],
      ['bb', payloadOf(4, 30)],
      ['cc', payloadOf(16, 40)],
    ]),
  );
  observation.onEntry(entryOf('d', payloadOf(11, 50)));
  const { types } = observation.take();
  assert.deepEqual(types, [
    { type: 'hash', keys: 2, bytes: 74 },
    { type: 'set', keys: 1, bytes: 51 },
    { type: 'string', keys: 1, bytes: 21 },
  ]);
});

test('Observation names modules, and what no payload tells, and not more types than it has room for', () => {
  const observation = new Observation();
  for (let i = 0; i < 200; i++) {
    const payload = payloadOf(7, 40);
    payload[1] = 0x81;
    payload.writeBigUInt64BE(BigInt(i) << 10n, 2);
    observation.onRun(runOf([[`m${i}`, payload]]));
  }
  observation.onEntry(entryOf('x', payloadOf(250, 40)));
  const { types } = observation.take();
  assert.equal(types.length, 65);
  assert.equal(
    types.reduce((sum, { keys }) => sum + keys, 0),
    201,
  );
  assert.equal(types[0]?.type, 'others');
});

test('Observation has the twenty largest keys, each once, and of a long name its beginning', () => {
  const observation = new Observation();
  for (let i = 0; i < 300; i++) observation.onRun(runOf([[`k${i}`, payloadOf(0, 20 + i)]]));
  for (let i = 0; i < 50; i++) observation.onEntry(entryOf('hot', payloadOf(1, 1000 + i)));
  observation.onEntry(entryOf('n'.repeat(5000), payloadOf(1, 20)));
  const { largest } = observation.take();
  assert.equal(largest.length, 20);
  assert.deepEqual([largest[0]!.nameBytes, largest[0]!.key.length], [5000, 512]);
  assert.deepEqual([largest[1]!.key.toString(), largest[1]!.bytes, largest[1]!.type], ['hot', 1052, 'list']);
  assert.deepEqual(
    largest.slice(2, 4).map(({ key }) => key.toString()),
    ['k299', 'k298'],
  );
});

test('Observation keeps no chunk alive that it has seen', () => {
  const observation = new Observation();
  const run = runOf([['key', payloadOf(0, 900)]]);
  observation.onRun(run);
  const { key } = observation.take().largest[0]!;
  run.keysIn.buffer.fill('x');
  assert.equal(key.toString(), 'key');
});

test('Observation has values in pieces and those that went alone among the slowest, and large ones of a file by their size', () => {
  const observation = new Observation();
  observation.onPieces({ db: 2, key: Buffer.from('pieces') }, 'hash', 5000, 70);
  observation.onAlone({ db: 2, key: Buffer.from('alone') }, '', 700, 90);
  const large = { type: 'zset', bytes: 9000 } as unknown as Entry['large'];
  observation.onEntry(EntryView.of({ ...newEntry(), kind: 'large', key: Buffer.from('file'), large }));
  const { slowest, largest, types } = observation.take();
  assert.deepEqual(
    slowest.map(({ key, type, ms }) => [key.toString(), type, ms]),
    [
      ['alone', 'unknown', 90],
      ['pieces', 'hash', 70],
    ],
  );
  assert.deepEqual(
    largest.map(({ key }) => key.toString()),
    ['file', 'pieces'],
  );
  assert.deepEqual(
    types.map(({ type, keys }) => [type, keys]),
    [
      ['zset', 1],
      ['hash', 1],
    ],
  );
});

test('Observation tells the latest latency and the longest since it was asked last', () => {
  const observation = new Observation();
  assert.equal(observation.take().latency, null);
  for (const ms of [3, 40, 5]) observation.onLatency(ms);
  assert.deepEqual(observation.take().latency, { latest: 5, longest: 40 });
  observation.onLatency(2);
  assert.deepEqual(observation.take().latency, { latest: 2, longest: 2 });
});
