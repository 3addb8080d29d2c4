// Values that take long: never two of them are on the way together, and those that take too long are not dumped at all.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from '../../../resp/connection.ts';
import type { Bytes } from '../../../resp/bytes.ts';
import type { Command } from '../../../resp/command.ts';
import { ReplyError } from '../../../resp/errors.ts';
import type { Receiver, Reply } from '../../../resp/reply.ts';
import { NO_PAGE, type FoundKey } from '../../../src/flow/key-id.ts';
import { DumpReader, type DumpSink } from '../../../src/keys/dump.ts';
import { parseInfo } from '../../../src/server/info.ts';
import { MeasuringReader } from '../../../src/keys/measuring-reader.ts';
import { Selection } from '../../../src/server/session.ts';
import { ServiceTimes } from '../../../src/keys/service-times.ts';
import { TransferLimits } from '../../../src/server/transfer-limits.ts';

interface Asked {
  readonly name: string;
  readonly key: string;
  readonly receiver: Receiver;
}

const largeValueOf = () => ({ type: undefined, pieces: () => assert.fail() });

/** What was asked and is not answered, and the keys that came out. */
function startReader(bySize: boolean, isNear = true, dataset = 1_000_000_000) {
  const asked: Asked[] = [];
  const done: string[] = [];
  const begin = ({ name }: Command, receiver: Receiver) => ({
    bulk: (key: Buffer) => asked.push({ name, key: String(key), receiver }),
    bytes: (from: Bytes, start: number, end: number) =>
      asked.push({ name, key: String(from.slice(start, end)), receiver }),
  });
  const connection = { begin, full: false, pauses: 0, longReplySince: 0, isNear } as unknown as Connection;
  const selection = new Selection(connection, 0);
  const sink: DumpSink = {
    onDump: ({ key, large }) => done.push(`${String(key)}${large === null ? '' : ' in pieces'}`),
    onGone: () => assert.fail(),
    onRefused: () => assert.fail(),
    onElsewhere: () => assert.fail(),
  };
  const limits = new TransferLimits(64e6);
  const options = {
    mode: 'dropped',
    fields: undefined,
    usage: undefined,
    depth: 1024,
    largeValueOf,
    bigKey: 64e6,
    limits,
  } as const;
  const maxLatency = { ms: 50 };
  const dump = new DumpReader(connection, selection, { ...options, maxLatency, roundTrip: 0 }, sink);
  const info = parseInfo(`used_memory_dataset:${dataset}\r\ndb0:keys=1000,expires=0\r\n`);
  const times = new ServiceTimes(maxLatency);
  const reader = new MeasuringReader(connection, selection, dump, { info, times, limits, bySize }, sink);
  /** Answers the oldest question, which has to be this one. */
  const answer = (name: string, reply: Reply): void => {
    const next = asked.shift();
    assert.equal(next?.name, name);
    next.receiver.onReply(reply);
  };
  return { reader, asked, done, answer, maxLatency };
}

function found(key: string): FoundKey {
  return { db: 0, key: Buffer.from(key), page: NO_PAGE };
}

function dumpsIn(asked: readonly Asked[]): string[] {
  return asked.filter(({ name }) => name === 'DUMP').map(({ key }) => key);
}

test('MeasuringReader has one value on the way that takes long, and others beside it', () => {
  const { reader, asked, done, answer } = startReader(false);
  for (const key of ['long:1', 'long:2', 'small']) reader.send(found(key), false);
  for (const bytes of [2e6, 2e6, 100]) answer('MEMORY USAGE', bytes);
  for (let i = 0; i < 2; i += 1) {
    const question = asked.findIndex(({ name }) => name === 'TYPE');
    asked.splice(question, 1)[0]!.receiver.onReply(Buffer.from('hash'));
  }
  assert.deepEqual(dumpsIn(asked).toSorted(), ['long:1', 'small']);
  assert.equal(reader.inFlight, 3);
  answer('DUMP', Buffer.from('payload'));
  answer('DUMP', Buffer.from('payload'));
  assert.deepEqual(dumpsIn(asked), ['long:2']);
  answer('DUMP', Buffer.from('payload'));
  assert.deepEqual(done.toSorted(), ['long:1', 'long:2', 'small']);
  assert.equal(reader.inFlight, 0);
});

test('MeasuringReader has a value read in pieces that would take too long, unless its size alone decides', () => {
  const byTime = startReader(false);
  byTime.reader.send(found('huge'), false);
  byTime.answer('MEMORY USAGE', 9e6);
  byTime.answer('TYPE', Buffer.from('hash'));
  byTime.answer('EXISTS', 1);
  assert.deepEqual(byTime.done, ['huge in pieces']);

  const bySize = startReader(true);
  bySize.reader.send(found('huge'), false);
  bySize.answer('MEMORY USAGE', 9e6);
  bySize.answer('TYPE', Buffer.from('hash'));
  bySize.answer('DUMP', Buffer.from('payload'));
  assert.deepEqual(bySize.done, ['huge']);
});

test('MeasuringReader hands out what waits for its turn when the connection is lost', () => {
  const { reader, answer } = startReader(false);
  for (const key of ['long:1', 'long:2']) reader.send(found(key), false);
  for (const bytes of [2e6, 2e6]) answer('MEMORY USAGE', bytes);
  answer('TYPE', Buffer.from('hash'));
  answer('TYPE', Buffer.from('hash'));
  const lost: string[] = [];
  reader.drain(({ key }) => void lost.push(String(key)));
  assert.deepEqual(lost.toSorted(), ['long:1', 'long:2']);
});

test('MeasuringReader goes ahead of the DUMPs, and dumps at once what proves small', () => {
  for (const isNear of [true, false]) {
    const { reader, asked, answer } = startReader(false, isNear);
    for (let i = 0; i < 200 && reader.hasRoom; i += 1) reader.send(found(`key:${i}`), false);
    assert.equal(reader.inFlight, 200);
    for (let i = 0; i < 200; i += 1) answer('MEMORY USAGE', 100);
    assert.ok(dumpsIn(asked).length < 200);
    reader.goOn();
    assert.equal(dumpsIn(asked).length, 200);
  }
});

test('MeasuringReader dumps no more at once than there is room for, also where the server does not say how large they are', () => {
  for (const told of [null, new ReplyError('NOPERM this user has no permissions to run the command')]) {
    const { reader, asked, answer } = startReader(false);
    for (let i = 0; i < 200; i += 1) reader.send(found(`key:${i}`), false);
    for (let i = 0; i < 200; i += 1) answer('MEMORY USAGE', told);
    for (let i = 0; i < 200; i += 1) answer('TYPE', Buffer.from('string'));
    for (let i = 0; i < 200; i += 1) answer('STRLEN', 600_000);
    assert.equal(dumpsIn(asked).length, 8);
    assert.equal(reader.inFlight, 200);
    for (let i = 0; i < 8; i += 1) answer('DUMP', Buffer.from('payload'));
    reader.goOn();
    assert.ok(dumpsIn(asked).length > 0);
  }
});

test('MeasuringReader keeps what it has measured until there is room, which was not on the way when the connection is lost', () => {
  const { reader, asked, answer } = startReader(false, false);
  for (let i = 0; i < 200; i += 1) reader.send(found(`key:${i}`), false);
  for (let i = 0; i < 200; i += 1) answer('MEMORY USAGE', 600_000);
  reader.goOn();
  const dumped = dumpsIn(asked);
  assert.ok(dumped.length < 200);
  assert.equal(reader.inFlight, 200);
  const [lost, waiting]: [string[], string[]] = [[], []];
  reader.drain(
    ({ key }) => void lost.push(String(key)),
    ({ key }) => void waiting.push(String(key)),
  );
  assert.deepEqual(lost, dumped);
  assert.equal(waiting.length, 200 - dumped.length);
});

test('MeasuringReader measures keys again once they may take less time than before', () => {
  const { reader, asked, maxLatency } = startReader(false, true, 1_000_000);
  const names = (): string[] => asked.splice(0).map(({ name }) => name);
  reader.send(found('a'), false);
  assert.deepEqual(names(), ['DUMP'], 'Nothing that the server holds takes long');
  maxLatency.ms = 1;
  reader.send(found('b'), false);
  assert.deepEqual(names(), ['MEMORY USAGE']);
});

test('MeasuringReader measures again where the server holds so much more by now that a value may have become large', () => {
  const { reader, asked } = startReader(true, true, 1000);
  reader.send(found('small'), false);
  assert.equal(asked.at(-1)!.name, 'DUMP');
  reader.grew(parseInfo('used_memory_dataset:1000000\r\ndb0:keys=1000,expires=0\r\n'));
  reader.send(found('as before'), false);
  assert.equal(asked.at(-1)!.name, 'DUMP');
  reader.grew(parseInfo('used_memory_dataset:100000000\r\ndb0:keys=1000,expires=0\r\n'));
  reader.send(found('grown'), false);
  assert.equal(asked.at(-1)!.name, 'MEMORY USAGE');
});
