// Reads lines of an export as whoever has its description alone would: the tests' own way back from JSON to bytes.
import assert from 'node:assert/strict';
import type { StreamId, Value } from '../../src/rdb/value.ts';
import { NEVER, type Milliseconds } from '../../src/rdb/milliseconds.ts';
import { parseId } from '../../src/rdb/value.ts';

export interface ExportedKey {
  readonly db: number;
  readonly key: Buffer;
  readonly type: string;
  readonly expireAt: Milliseconds | null;
  /** Of what rump cannot look into, the payload. */
  readonly value: Value | { readonly dump: Buffer };
}

type JsonBytes = string | { readonly base64: string };
type JsonInteger = number | string;
interface JsonGroup {
  readonly name: JsonBytes;
  readonly lastId: string;
  readonly entriesRead: JsonInteger | null;
  readonly pending: readonly (readonly [string, JsonBytes, JsonInteger, JsonInteger])[];
  readonly consumers: readonly {
    readonly name: JsonBytes;
    readonly seenTime: JsonInteger | null;
    readonly activeTime: JsonInteger | null;
  }[];
}
interface JsonStream {
  readonly entries: readonly (readonly [string, readonly (readonly [JsonBytes, JsonBytes])[]])[];
  readonly length: JsonInteger;
  readonly lastId: string;
  readonly maxDeletedId: string | null;
  readonly entriesAdded: JsonInteger | null;
  readonly groups: readonly JsonGroup[];
}

const FIELDS = ['db', 'key', 'type', 'expireAt', 'value'];

/** All lines of a file; each ends with a line feed. */
export function readExport(text: string): ExportedKey[] {
  const lines = text.split('\n');
  assert.equal(lines.pop(), '', 'the last line has an end');
  return lines.map(readLine);
}

export function readLine(line: string): ExportedKey {
  const { db, key, type, expireAt, value, ...rest } = JSON.parse(line) as Record<string, unknown>;
  assert.deepEqual(Object.keys(JSON.parse(line) as object), FIELDS);
  assert.deepEqual(rest, {});
  return {
    db: db as number,
    key: bytesOf(key as JsonBytes),
    type: type as string,
    expireAt: expireAt === null ? null : integerOf(expireAt as JsonInteger),
    value: valueOf(type as string, value),
  };
}

export function valueOf(type: string, json: unknown): ExportedKey['value'] {
  const elements = json as readonly JsonBytes[];
  const pairs = json as readonly (readonly [JsonBytes, JsonBytes, JsonInteger?])[];
  const scored = json as readonly (readonly [JsonBytes, number | string])[];
  if (typeof json === 'object' && json !== null && 'dump' in json)
    return { dump: Buffer.from((json as { readonly dump: string }).dump, 'base64') };
  switch (type) {
    case 'string':
      return { type, value: bytesOf(json as JsonBytes) };
    case 'list':
      return { type, items: elements.map(bytesOf) };
    case 'set':
      return { type, members: elements.map(bytesOf) };
    case 'zset':
      return { type, entries: scored.map(([member, score]) => ({ member: bytesOf(member), score: scoreOf(score) })) };
    case 'hash':
      return {
        type,
        fields: pairs.map(([field, value, expireAt]) => ({
          field: bytesOf(field),
          value: bytesOf(value),
          expireAt: expireAt === undefined ? NEVER : integerOf(expireAt),
        })),
      };
    default:
      assert.equal(type, 'stream');
      return streamOf(json as JsonStream);
  }
}

export function bytesOf(json: JsonBytes): Buffer {
  if (typeof json === 'string') return Buffer.from(json);
  assert.deepEqual(Object.keys(json), ['base64']);
  const bytes = Buffer.from(json.base64, 'base64');
  assert.equal(bytes.toString('base64'), json.base64);
  return bytes;
}

export function integerOf(json: JsonInteger): Milliseconds {
  if (typeof json === 'number') {
    assert.ok(Number.isSafeInteger(json));
    return json;
  }
  const integer = BigInt(json);
  assert.ok(!Number.isSafeInteger(Number(integer)), `${json} is a string and might be a number`);
  return integer;
}

export function scoreOf(json: number | string): number {
  if (typeof json === 'number') return json;
  const scores: Readonly<Record<string, number>> = { inf: Infinity, '-inf': -Infinity, nan: NaN };
  assert.ok(json in scores, json);
  return scores[json]!;
}

function streamOf({ entries, length, lastId, maxDeletedId, entriesAdded, groups }: JsonStream): Value {
  const ids = entries.map(([id]) => parseId(id));
  return {
    type: 'stream',
    entries: entries.map(([, fields], i) => ({ id: ids[i]!, fields: fields.flat().map(bytesOf) })),
    length: Number(length),
    lastId: parseId(lastId),
    firstId: ids[0] ?? parseId('0-0'),
    maxDeletedId: idOf(maxDeletedId),
    entriesAdded: figureOf(entriesAdded),
    groups: groups.map(({ name, lastId, entriesRead, pending, consumers }) => ({
      name: bytesOf(name),
      lastId: parseId(lastId),
      entriesRead: figureOf(entriesRead),
      pending: pending.map(([id, consumer, time, count]) => ({
        id: parseId(id),
        consumer: bytesOf(consumer),
        deliveryTime: integerOf(time),
        deliveryCount: integerOf(count),
      })),
      consumers: consumers.map(({ name, seenTime, activeTime }) => ({
        name: bytesOf(name),
        seenTime: seenTime === null ? 0 : integerOf(seenTime),
        activeTime: activeTime === null ? undefined : integerOf(activeTime),
      })),
    })),
  };
}

function idOf(json: string | null): StreamId | undefined {
  return json === null ? undefined : parseId(json);
}

function figureOf(json: JsonInteger | null): bigint | undefined {
  return json === null ? undefined : BigInt(json);
}
