// What DUMP gives and RESTORE takes: the plain encodings of `src/rdb`, as a server of Redis 6.2 has them. So this server is no
// judge of payloads: real ones are.
import { decodePayload as decode } from '../../../src/rdb/decode.ts';
import { encodePayload as encode } from '../../../src/rdb/encode.ts';
import { isIntact, versionOf } from '../../../src/rdb/payload.ts';
import { NEVER } from '../../../src/rdb/milliseconds.ts';
import type { Value as PlainValue } from '../../../src/rdb/value.ts';
import type { Value } from './keyspace/value.ts';

const RDB_VERSION = 10;
/** Below that there is nothing before the footer. */
const LEAST_BYTES = 10;
const NOTHING = { ms: 0n, seq: 0n };

export function encodePayload(value: Value): Buffer {
  return encode(plainOf(value), RDB_VERSION);
}

/** Whether the version is one that this server knows, and the checksum that of the bytes before it. */
export function isSoundPayload(payload: Buffer): boolean {
  return payload.length > LEAST_BYTES && versionOf(payload) <= RDB_VERSION && isIntact(payload);
}

/**
 * @param payload a sound one
 * @throws PayloadError
 */
export function decodePayload(payload: Buffer): Value {
  // What it gives are views.
  const value = decode(Buffer.from(payload));
  switch (value.type) {
    case 'string':
      return { type: 'string', bytes: value.value };
    case 'list':
      return { type: 'list', items: [...value.items] };
    case 'set':
      return { type: 'set', members: new Set(value.members.map(textOf)) };
    case 'hash':
      return { type: 'hash', fields: new Map(value.fields.map(({ field, value }) => [textOf(field), value])) };
    case 'zset':
      return { type: 'zset', scores: new Map(value.entries.map(({ member, score }) => [textOf(member), score])) };
    case 'stream':
      return { type: 'stream', entries: [...value.entries], lastId: value.lastId };
    default:
      throw new Error('This server has no modules');
  }
}

function plainOf(value: Value): PlainValue {
  switch (value.type) {
    case 'string':
      return { type: 'string', value: value.bytes };
    case 'list':
      return value;
    case 'set':
      return { type: 'set', members: Array.from(value.members, bytesOf) };
    case 'hash': {
      const fields = Array.from(value.fields, ([field, value]) => ({ field: bytesOf(field), value, expireAt: NEVER }));
      return { type: 'hash', fields };
    }
    case 'zset':
      return {
        type: 'zset',
        entries: Array.from(value.scores, ([member, score]) => ({ member: bytesOf(member), score })),
      };
    default: {
      const { entries, lastId } = value;
      const unknown = { maxDeletedId: undefined, entriesAdded: undefined };
      const length = entries.length;
      return { type: 'stream', entries, length, lastId, firstId: entries[0]?.id ?? NOTHING, ...unknown, groups: [] };
    }
  }
}

function textOf(bytes: Buffer): string {
  return bytes.toString('latin1');
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
