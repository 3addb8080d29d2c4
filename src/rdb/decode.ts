// Decodes DUMP payloads of every encoding into plain values (value.ts); collections can be had one element at a time.

import { countOf } from '../../resp/figures.ts';
import { ByteReader } from './byte-reader.ts';
import { decodeStream } from './decode-stream.ts';
import {
  all,
  demandNext,
  Listpack,
  readIntset,
  readZipmap,
  Ziplist,
  type Elements,
  type Pull,
} from './packed-forms.ts';
import { milliseconds, NEVER, plus, type Milliseconds } from './milliseconds.ts';
import { decodeModule } from './modules.ts';
import { bodyOf, demandIntact, encodingOf, PayloadError, typeOfEncoding, versionOf, type Encoding } from './payload.ts';
import type { HashField, Value, ZsetEntry } from './value.ts';

/** A payload whose checksum is right, ready to be decoded. */
export interface OpenPayload {
  /** Behind the type byte. */
  readonly reader: ByteReader;
  readonly encoding: Encoding;
}

/**
 * Takes the whole payload of a key; the value may hold views into it.
 * @throws PayloadError
 */
export function decodePayload(payload: Buffer): Value {
  const { reader, encoding } = openPayload(payload);
  const value = decodeEncoding(reader, encoding);
  demandEnd(reader);
  return value;
}

/** @throws PayloadError */
export function openPayload(payload: Buffer): OpenPayload {
  const version = versionOf(payload);
  const typeByte = payload[0]!;
  const encoding = demandEncoding(typeByte, version);
  const subject = nameOf(encoding, typeByte);
  demandIntact(payload, subject);
  const reader = new ByteReader(bodyOf(payload), subject);
  reader.skip(1);
  return { reader, encoding };
}

/** @throws PayloadError */
export function demandEnd(reader: ByteReader): void {
  if (!reader.isAtEnd) throw reader.fail(`${countOf(reader.left, 'byte')} follow the value`);
}

function decodeEncoding(reader: ByteReader, encoding: Encoding): Value {
  switch (typeOfEncoding(encoding)) {
    case 'list':
      return { type: 'list', items: all(listItems(reader, encoding)) };
    case 'set':
      return { type: 'set', members: all(setMembers(reader, encoding)) };
    case 'zset':
      return { type: 'zset', entries: all(zsetEntries(reader, encoding)) };
    case 'hash':
      return { type: 'hash', fields: all(hashFields(reader, encoding)) };
    case 'stream':
      return decodeStream(reader, encoding);
    case 'module':
      return decodeModule(reader, encoding);
    default:
      return { type: 'string', value: reader.string() };
  }
}

/** @throws PayloadError */
export function demandEncoding(typeByte: number, version: number): Encoding {
  const encoding = encodingOf(typeByte, version);
  if (encoding !== undefined) return encoding;
  const why = `no value of RDB version ${version} begins with this byte that rump knows`;
  throw new PayloadError(`Cannot decode a value of type byte ${typeByte}: ${why}, at byte 0`, { offset: 0 });
}

function nameOf(encoding: Encoding, typeByte: number): string {
  return `a ${typeOfEncoding(encoding)} (type byte ${typeByte})`;
}

/** What a node of a quicklist is: one large element, or a listpack. */
const PLAIN_NODE = 1;
const PACKED_NODE = 2;
/** The length bytes of a member and its score, or of a field and its value. */
export const LEAST_PAIR_BYTES = 2;
/** The soonest expiry of all fields, which Redis puts first; 8 bytes. */
const MINIMUM_BYTES = 8;

/** One by one, in one ziplist, or in the nodes of a quicklist. */
export function listItems(reader: ByteReader, encoding: Encoding): Pull<Buffer> {
  let left = listNodes(reader, encoding);
  let elements: Elements | undefined;
  return () => {
    while (elements === undefined || !elements.next()) {
      if (left === 0) return undefined;
      left -= 1;
      elements = listNode(reader, encoding);
      if (elements === undefined) return reader.string();
    }
    return elements.bytes();
  };
}

/** How many nodes follow. */
export function listNodes(reader: ByteReader, encoding: Encoding): number {
  return encoding === 'LIST_ZIPLIST' ? 1 : reader.count(1);
}

/** @returns undefined where one item follows that is not packed */
export function listNode(reader: ByteReader, encoding: Encoding): Elements | undefined {
  if (encoding === 'LIST') return undefined;
  if (encoding !== 'LIST_QUICKLIST_2') return new Ziplist(reader.packed('ziplist'));
  const start = reader.at;
  const container = reader.length();
  if (container === PLAIN_NODE) return undefined;
  if (container === PACKED_NODE) return new Listpack(reader.packed('listpack'));
  throw reader.fail(`there is no node of kind ${container} in a list`, start);
}

/** One by one, of integers alone, or in a listpack. */
export function setMembers(reader: ByteReader, encoding: Encoding): Pull<Buffer> {
  if (encoding === 'SET_INTSET') return readIntset(reader.packed('intset'));
  if (encoding === 'SET_LISTPACK') return packedMembers(new Listpack(reader.packed('listpack')));
  return plainMembers(reader);
}

function plainMembers(reader: ByteReader): Pull<Buffer> {
  let left = reader.count(1);
  return () => {
    if (left === 0) return undefined;
    left -= 1;
    return reader.string();
  };
}

function packedMembers(elements: Elements): Pull<Buffer> {
  return () => (elements.next() ? elements.bytes() : undefined);
}

/** One by one with scores as text or as doubles, or member and score by turns in a ziplist or a listpack. */
export function zsetEntries(reader: ByteReader, encoding: Encoding): Pull<ZsetEntry> {
  if (encoding === 'ZSET_ZIPLIST') return packedEntries(new Ziplist(reader.packed('ziplist')));
  if (encoding === 'ZSET_LISTPACK') return packedEntries(new Listpack(reader.packed('listpack')));
  return plainEntries(reader, encoding === 'ZSET');
}

function plainEntries(reader: ByteReader, isText: boolean): Pull<ZsetEntry> {
  let left = reader.count(LEAST_PAIR_BYTES);
  return () => {
    if (left === 0) return undefined;
    left -= 1;
    return { member: reader.string(), score: isText ? readTextScore(reader) : reader.double() };
  };
}

function packedEntries(elements: Elements): Pull<ZsetEntry> {
  return () => {
    if (!elements.next()) return undefined;
    const member = elements.bytes();
    demandNext(elements);
    return { member, score: scoreIn(elements) };
  };
}

/** The score that an element is. */
export function scoreIn(elements: Elements): number {
  const integer = elements.integer();
  if (integer !== undefined) return Number(integer);
  const score = parseScore(elements.bytes().toString('latin1'));
  if (score === undefined) throw elements.fail('the score is not a number');
  return score;
}

/** One by one or packed; since Redis 7.4 and Valkey 9, each in a way of its own, with fields that expire. */
export function hashFields(reader: ByteReader, encoding: Encoding): Pull<HashField> {
  switch (encoding) {
    case 'HASH_ZIPMAP':
      return readZipmap(reader.packed('zipmap'));
    case 'HASH_ZIPLIST':
      return fieldPairs(new Ziplist(reader.packed('ziplist')));
    case 'HASH_LISTPACK':
      return fieldPairs(new Listpack(reader.packed('listpack')));
    case 'HASH_LISTPACK_EX':
      reader.skip(MINIMUM_BYTES);
      return fieldTriples(new Listpack(reader.packed('listpack')));
    case 'HASH_LISTPACK_EX_PRE_GA':
      return fieldTriples(new Listpack(reader.packed('listpack')));
    case 'HASH_METADATA': {
      // What is stored is an expiry less this minimum, and one more, as 0 stands for never.
      const minimum = reader.milliseconds();
      return expiringFields(reader, plus(minimum, -1));
    }
    case 'HASH_METADATA_PRE_GA':
      return expiringFields(reader, 0);
    default:
      return plainFields(reader, encoding === 'HASH_2');
  }
}

function plainFields(reader: ByteReader, expires: boolean): Pull<HashField> {
  let left = reader.count(LEAST_PAIR_BYTES);
  return () => {
    if (left === 0) return undefined;
    left -= 1;
    return {
      field: reader.string(),
      value: reader.string(),
      expireAt: expires ? reader.milliseconds() : NEVER,
    };
  };
}

/** Each field stands behind its expiry. */
function expiringFields(reader: ByteReader, base: Milliseconds): Pull<HashField> {
  let left = reader.count(LEAST_PAIR_BYTES + 1);
  return () => {
    if (left === 0) return undefined;
    left -= 1;
    const expiry = reader.length();
    return { field: reader.string(), value: reader.string(), expireAt: expiry === 0 ? NEVER : plus(base, expiry) };
  };
}

function fieldPairs(elements: Elements): Pull<HashField> {
  return () => {
    if (!elements.next()) return undefined;
    const field = elements.bytes();
    demandNext(elements);
    return { field, value: elements.bytes(), expireAt: NEVER };
  };
}

/** Field, value, expiry. */
function fieldTriples(elements: Elements): Pull<HashField> {
  return () => {
    if (!elements.next()) return undefined;
    const field = elements.bytes();
    demandNext(elements);
    const value = elements.bytes();
    demandNext(elements);
    const expiry = elements.integer();
    if (expiry === undefined) throw elements.fail('the expiry of a field is an integer');
    return { field, value, expireAt: Number(expiry) === 0 ? NEVER : milliseconds(BigInt(expiry)) };
  };
}

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
const INFINITE = /^([-+]?)inf(inity)?$/i;
const NOT_A_NUMBER = /^[-+]?nan$/i;
/** No text: the length byte says it all. */
const NAN = 253;
const INFINITY = 254;
const MINUS_INFINITY = 255;

/** @returns undefined for what is no score */
export function parseScore(text: string): number | undefined {
  if (NUMBER.test(text)) return Number(text);
  const infinite = INFINITE.exec(text);
  if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity;
  return NOT_A_NUMBER.test(text) ? NaN : undefined;
}

/** One length byte and text, as in sorted sets before Redis 4.0. */
function readTextScore(reader: ByteReader): number {
  const start = reader.at;
  const length = reader.byte();
  if (length === NAN) return NaN;
  if (length === INFINITY) return Infinity;
  if (length === MINUS_INFINITY) return -Infinity;
  const score = parseScore(reader.view(length).toString('latin1'));
  if (score === undefined) throw reader.fail('the score is not a number', start);
  return score;
}
