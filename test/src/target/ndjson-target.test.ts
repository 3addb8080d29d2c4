// The target end of an export: a line for each key, and none that is torn, mixed with another one, or of several moments.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { RespError } from '../../../resp/errors.ts';
import type { Channel } from '../../../src/flow/channel.ts';
import type { Entry, LargeValue } from '../../../src/flow/entry.ts';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { encodePayload } from '../../../src/rdb/encode.ts';
import { LAST, NEVER } from '../../../src/rdb/milliseconds.ts';
import { withFooter } from '../../../src/rdb/payload.ts';
import { ZERO_ID, type HashField, type StreamValue, type Value, type ValuePiece } from '../../../src/rdb/value.ts';
import type { FileTargetOptions } from '../../../src/target/file-target.ts';
import { NdjsonTarget } from '../../../src/target/ndjson-target.ts';
import { entryOf, feed, MIB, newChannel } from '../../support/entries.ts';
import { readExport, type ExportedKey } from '../../support/exported.ts';
import { folderOf } from '../../support/resp-file.ts';
import * as build from '../rdb/payload-builder.ts';

const OPTIONS: FileTargetOptions = {
  mode: 'exact',
  clock: Date.now,
  targetDbOf: (db) => db,
  targetNameOf: (key) => key,
  renames: false,
};
const FAR_AWAY = 4_102_444_800_123;
const SMALL = payloadOf({ type: 'string', value: Buffer.from('small') });

function payloadOf(value: Value): Buffer {
  return encodePayload(value, 9);
}

function stringOf(bytes: Buffer): Value {
  return { type: 'string', value: bytes };
}

class Told {
  keys = 0;
  bytes = 0;
  expired = 0;
  readonly refused: string[] = [];
  onWritten(keys: number, bytes: number): void {
    this.keys += keys;
    this.bytes += bytes;
  }
  onConverted(): void {
    assert.fail('Nothing is converted');
  }
  onExpired(): void {
    this.expired++;
  }
  onWriteRefused(_: number, key: Buffer, { code, message }: RespError): void {
    this.refused.push(`${String(key)} ${code} ${message}`);
  }
}

async function written(
  t: TestContext,
  entries: readonly Entry[],
  options: Partial<FileTargetOptions> = {},
): Promise<{ lines: ExportedKey[]; told: Told; channel: Channel }> {
  const [path, told, channel] = [join(folderOf(t), 'f.ndjson'), new Told(), newChannel(1000, 100 * MIB)];
  await feed(new NdjsonTarget(path, { ...OPTIONS, ...options }, told), entries, { channel });
  assert.deepEqual(readdirSync(dirname(path)), ['f.ndjson']);
  assert.deepEqual([channel.unsettled, channel.bytes], [0, 0]);
  return { lines: readExport(readFileSync(path, 'utf8')), told, channel };
}

test('NdjsonTarget writes keys of any bytes, databases as they are mapped, and absolute expiries or null', async (t) => {
  const names = {
    targetDbOf: (db: number) => db * 2,
    targetNameOf: (key: Buffer) => Buffer.concat([Buffer.from('p:'), key]),
    renames: true,
  };
  const entries = [
    entryOf('plain', SMALL),
    entryOf(Buffer.of(0xff, 0, 0x22), SMALL, { db: 3, expireAt: FAR_AWAY }),
    entryOf('for ever', SMALL, { expireAt: LAST, idle: 5 }),
    entryOf('gone', null),
  ];
  const { lines, told } = await written(t, entries, names);
  const small = { type: 'string', value: stringOf(Buffer.from('small')) };
  assert.deepEqual(lines, [
    { db: 0, key: Buffer.from('p:plain'), expireAt: null, ...small },
    { db: 6, key: Buffer.from('p:\xff\0"', 'latin1'), expireAt: FAR_AWAY, ...small },
    { db: 0, key: Buffer.from('p:for ever'), expireAt: LAST, ...small },
  ]);
  const bytes = 'plain'.length + 3 + 'for ever'.length + 3 * SMALL.length;
  assert.deepEqual([told.keys, told.bytes], [3, bytes]);
});

test('NdjsonTarget counts what has expired on the way, and writes relative expiries as a time of day', async (t) => {
  const entries = [60_000.25, -1000].map((ms) => entryOf('k', SMALL, { expireAt: performance.now() + ms }));
  const { lines, told } = await written(t, entries, { mode: 'relative', clock: () => performance.now() });
  assert.deepEqual([lines.length, told.keys, told.expired], [1, 1, 1]);
  assert.ok(Math.abs(Number(lines[0]!.expireAt) - Date.now() - 60_000) < 5000);
  assert.ok(Number.isInteger(lines[0]!.expireAt));
});

test('NdjsonTarget writes no expiries where they are dropped', async (t) => {
  const { lines } = await written(t, [entryOf('k', SMALL, { expireAt: 1000 })], { mode: 'dropped' });
  assert.deepEqual(
    lines.map(({ expireAt }) => expireAt),
    [null],
  );
});

test('NdjsonTarget fails a damaged payload by its name, and keeps as a dump what is whole and nobody can read', async (t) => {
  const damaged = withWrongChecksum(SMALL);
  // A set that says it had nine members, and a form that is not known.
  const unreadable = build.payload(9, 2, build.length(9), build.string('one'));
  const unknown = build.payload(99, 77, Buffer.from('anything'));
  const other = withWrongChecksum(unknown);
  const module = withWrongChecksum(build.payload(9, 7, Buffer.alloc(9, 0x81)));
  const long = withWrongChecksum(build.payload(99, 77, Buffer.alloc(5 * MIB)));
  const { lines, told } = await written(t, [
    entryOf('first', SMALL),
    entryOf('damaged', damaged),
    entryOf('short', Buffer.from('x')),
    entryOf('other', other),
    entryOf('module', module),
    entryOf('long', long),
    entryOf('unreadable', unreadable),
    entryOf('unknown', unknown),
    entryOf('last', SMALL),
  ]);
  assert.deepEqual(
    lines.map(({ key, type, value }) => [String(key), type, 'dump' in value ? value.dump : undefined]),
    [
      ['first', 'string', undefined],
      ['unreadable', 'set', unreadable],
      ['unknown', 'unknown', unknown],
      ['last', 'string', undefined],
    ],
  );
  assert.deepEqual(
    told.refused.map((text) => text.split(' ', 2).join(' ')),
    ['damaged PAYLOAD', 'short PAYLOAD', 'other PAYLOAD', 'module PAYLOAD', 'long PAYLOAD'],
  );
  assert.equal(told.keys, 4);
});

function withWrongChecksum(payload: Buffer): Buffer {
  const damaged = Buffer.from(payload);
  damaged[damaged.length - 1]! ^= 1;
  return damaged;
}

test('NdjsonTarget writes payloads that are too large for memory as they are', async (t) => {
  const many = Array.from({ length: 1000 }, (_, i) => Buffer.alloc(4500, `item ${i} `));
  const fields: HashField[] = many.map((field, i) => ({
    field,
    value: field.subarray(9),
    expireAt: i % 2 ? FAR_AWAY + i : NEVER,
  }));
  const values: Record<string, Value> = {
    // Characters of three bytes are cut by every limit on the way.
    text: stringOf(Buffer.alloc(5 * MIB, 'x漢\n')),
    'almost text': stringOf(Buffer.concat([Buffer.alloc(5 * MIB, 'ü'), Buffer.of(0xc3)])),
    list: { type: 'list', items: many },
    hash: { type: 'hash', fields },
    stream: PENDING,
  };
  const module = withFooter(Buffer.concat([Buffer.of(7, 0x81), randomBytes(5 * MIB)]), 9);
  const payloads = {
    ...Object.fromEntries(Object.entries(values).map(([name, value]) => [name, encoded(value)])),
    fields: FIELDS,
    module,
  };
  const entries = Object.entries(payloads).flatMap(([name, payload]) => [
    entryOf(name, payload, { expireAt: FAR_AWAY }),
    entryOf(`behind ${name}`, SMALL),
  ]);
  const { lines, told } = await written(t, entries);
  const byName = new Map(lines.map((line) => [String(line.key), line]));
  assert.equal(byName.size, entries.length);
  for (const [name, value] of Object.entries(values)) assert.deepEqual(byName.get(name)!.value, value, name);
  assert.deepEqual(byName.get('fields')!.value, decodePayload(FIELDS));
  assert.deepEqual(byName.get('module')!.value, { dump: module });
  assert.ok(lines.every(({ key, expireAt }) => expireAt === (String(key).startsWith('behind') ? null : FAR_AWAY)));
  assert.deepEqual([told.keys, told.refused], [entries.length, []]);
});

/** Small ones, but not as JSON, which says names again and again. */
const PENDING = pendingOf('n'.repeat(100_000), 50);
const FIELDS = build.streamOfField('n'.repeat(4000), 1500);

function pendingOf(consumer: string, pending: number): StreamValue {
  const { gone: _, ...head } = build.pendingPiece(consumer, pending).head;
  return { type: 'stream', entries: [], firstId: ZERO_ID, ...head };
}

/** As a server that knows fields which expire. */
function encoded(value: Value): Buffer {
  return encodePayload(value, value.type === 'hash' ? 12 : 9);
}

/** A value whose pieces come one by one, and which is another one the first few times. */
class ChangingValue implements LargeValue {
  readonly type = undefined;
  reading: LargeValue['reading'];
  readonly expireAt: number | undefined;
  readonly length: number | undefined;
  readings = 0;
  readonly #pieces: readonly (readonly ValuePiece[])[];
  /** Waited for in front of the last piece. */
  readonly #gate: Promise<void>;

  constructor(pieces: readonly (readonly ValuePiece[])[], length?: number, gate = Promise.resolve()) {
    this.#pieces = pieces;
    this.length = length;
    this.#gate = gate;
  }

  async *pieces(): AsyncGenerator<ValuePiece> {
    const pieces = this.#pieces[Math.min(this.readings++, this.#pieces.length - 1)]!;
    this.reading = 'watched';
    for (const [i, piece] of pieces.entries()) {
      if (i === pieces.length - 1) await this.#gate;
      yield piece;
    }
    this.reading = this.readings < this.#pieces.length ? 'changed' : 'same';
  }

  readonly whole = (): Promise<Buffer> => assert.fail('The source has to stand still for it');
}

function setOf(...members: string[]): ValuePiece {
  return { type: 'set', members: members.map((member) => Buffer.from(member)) };
}

function large(key: string, value: LargeValue): Entry {
  return entryOf(key, null, { kind: 'large', large: value });
}

test('NdjsonTarget reads a value again that has changed meanwhile, and writes what is of one moment', async (t) => {
  const value = new ChangingValue([[setOf('old'), setOf('new')], [setOf('cut')], [setOf('new'), setOf('newer')]], 2);
  const { lines, told } = await written(t, [large('set', value)]);
  assert.deepEqual(
    lines.map(({ value }) => value),
    [{ type: 'set', members: [Buffer.from('new'), Buffer.from('newer')] }],
  );
  assert.deepEqual([value.readings, told.keys, told.bytes], [3, 1, 'set'.length + 'newnewer'.length]);
});

test('NdjsonTarget reads a set again of which a scan gave a member twice', async (t) => {
  const twice = [setOf('a', 'b'), setOf('b')];
  const value = new ChangingValue([twice, [setOf('b'), setOf('a')]], 2);
  // Both readings are of one moment.
  Object.defineProperty(value, 'reading', { get: () => 'same', set() {} });
  const { lines } = await written(t, [large('set', value)]);
  assert.deepEqual(lines[0]!.value, { type: 'set', members: [Buffer.from('b'), Buffer.from('a')] });
});

test('NdjsonTarget fails a value by its name that never holds still, and goes on', async (t) => {
  const restless = Array.from({ length: 9 }, (_, i) => [setOf(String(i))]);
  const { lines, told } = await written(t, [large('set', new ChangingValue(restless)), entryOf('last', SMALL)]);
  assert.deepEqual(
    lines.map(({ key }) => String(key)),
    ['last'],
  );
  assert.match(told.refused[0]!, /^set CHANGED .*, 5 times in a row$/);
});

test('NdjsonTarget lets others go on while a value is read, and nothing between the parts of its line', async (t) => {
  let open: () => void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const items = Array.from({ length: 10_000 }, (_, i) => Buffer.from(`item ${i} ${'x'.repeat(40)}`));
  const value = new ChangingValue(
    [
      [
        { type: 'list', items },
        { type: 'list', items },
      ],
    ],
    undefined,
    gate,
  );
  const [path, told, channel] = [join(folderOf(t), 'f.ndjson'), new Told(), newChannel()];
  const done = new NdjsonTarget(path, OPTIONS, told).write(channel);
  channel.push(large('list', value));
  channel.push(entryOf('beside', SMALL));
  while (told.keys < 1) await turn();
  // What is set aside has a name for the moment in which its file is made, and none later, or this would have no end.
  while (readdirSync(dirname(path)).length > 1) await turn();
  open!();
  // All the while the line is written.
  while (told.keys < 2 || channel.unsettled > 0) {
    if (channel.length < 10) channel.push(entryOf('behind', SMALL));
    await turn();
    if (told.keys > 5000) break;
  }
  await channel.settled();
  channel.close();
  await done;
  const lines = readExport(readFileSync(path, 'utf8'));
  assert.equal(lines.length, told.keys);
  const list = lines.find(({ key }) => String(key) === 'list')!;
  assert.deepEqual(list.value, { type: 'list', items: [...items, ...items] });
  assert.equal(String(lines[0]!.key), 'beside');
});

test('NdjsonTarget packs a file whose name ends in .gz, and writes nothing at all where there are no keys', async (t) => {
  const folder = folderOf(t);
  await feed(new NdjsonTarget(join(folder, 'f.ndjson.gz'), OPTIONS, new Told()), [entryOf('k', SMALL)]);
  assert.equal(
    gunzipSync(readFileSync(join(folder, 'f.ndjson.gz'))).toString(),
    '{"db":0,"key":"k","type":"string","expireAt":null,"value":"small"}\n',
  );
  await feed(new NdjsonTarget(join(folder, 'none.ndjson'), OPTIONS, new Told()), []);
  assert.equal(readFileSync(join(folder, 'none.ndjson'), 'utf8'), '');
});

test('NdjsonTarget.write() ends where nothing can be set aside, and leaves no file', async (t) => {
  const folder = folderOf(t);
  const path = join(folder, 'gone', 'f.ndjson');
  process.env['TMPDIR'] = path;
  t.after(() => delete process.env['TMPDIR']);
  const entries = [
    large('set', new ChangingValue([[setOf('a')]])),
    entryOf('pending', encoded(PENDING)),
    entryOf('fields', FIELDS),
  ];
  for (const entry of entries)
    await assert.rejects(feed(new NdjsonTarget('/dev/null', OPTIONS, new Told()), [entry]), (error) => {
      assert.ok(error instanceof RespError);
      assert.equal(error.message, `Cannot write a temporary file in ${path}: there is no such folder (ENOENT)`);
      return true;
    });
  rmSync(folder, { recursive: true });
});
