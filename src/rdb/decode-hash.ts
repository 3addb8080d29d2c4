// Hashes: one by one or packed; since Redis 7.4 and Valkey 9, each in a way of its own, with fields that expire.
import type { ByteReader } from './byte-reader.ts';
import { demandNext, type Elements } from './elements.ts';
import { Listpack } from './listpack.ts';
import { all, type Pull } from './pull.ts';
import type { Encoding } from './type-byte.ts';
import type { HashField, HashValue } from './value.ts';
import { readZipmap } from './zipmap.ts';
import { Ziplist } from './ziplist.ts';
import { milliseconds, NEVER, plus, type Milliseconds } from './milliseconds.ts';

/** Of a field and its value, the length bytes. */
const LEAST_BYTES = 2;
/** The soonest expiry of all fields, which Redis puts first; 8 bytes. */
const MINIMUM_BYTES = 8;

export function decodeHash(reader: ByteReader, encoding: Encoding): HashValue {
  return { type: 'hash', fields: all(hashFields(reader, encoding)) };
}

/** One at a time, for values that are too large to be held at once. */
export function hashFields(reader: ByteReader, encoding: Encoding): Pull<HashField> {
  switch (encoding) {
    case 'HASH_ZIPMAP':
      return readZipmap(reader.packed('zipmap'));
    case 'HASH_ZIPLIST':
      return pairs(new Ziplist(reader.packed('ziplist')));
    case 'HASH_LISTPACK':
      return pairs(new Listpack(reader.packed('listpack')));
    case 'HASH_LISTPACK_EX':
      reader.skip(MINIMUM_BYTES);
      return triples(new Listpack(reader.packed('listpack')));
    case 'HASH_LISTPACK_EX_PRE_GA':
      return triples(new Listpack(reader.packed('listpack')));
    case 'HASH_METADATA': {
      // What is stored is an expiry less this minimum, and one more, as 0 stands for never.
      const minimum = reader.milliseconds();
      return expiringFirst(reader, plus(minimum, -1));
    }
    case 'HASH_METADATA_PRE_GA':
      return expiringFirst(reader, 0);
    default:
      return plain(reader, encoding === 'HASH_2');
  }
}

function plain(reader: ByteReader, expires: boolean): Pull<HashField> {
  let left = reader.count(LEAST_BYTES);
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
function expiringFirst(reader: ByteReader, base: Milliseconds): Pull<HashField> {
  let left = reader.count(LEAST_BYTES + 1);
  return () => {
    if (left === 0) return undefined;
    left -= 1;
    const expiry = reader.length();
    return { field: reader.string(), value: reader.string(), expireAt: expiry === 0 ? NEVER : plus(base, expiry) };
  };
}

function pairs(elements: Elements): Pull<HashField> {
  return () => {
    if (!elements.next()) return undefined;
    const field = elements.bytes();
    demandNext(elements);
    return { field, value: elements.bytes(), expireAt: NEVER };
  };
}

/** Field, value, expiry. */
function triples(elements: Elements): Pull<HashField> {
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
