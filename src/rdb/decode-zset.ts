// Sorted sets: one by one with scores as text or as doubles, or member and score by turns in a ziplist or a listpack.
import type { ByteReader } from './byte-reader.ts';
import { demandNext, type Elements } from './elements.ts';
import { Listpack } from './listpack.ts';
import { all, type Pull } from './pull.ts';
import { parseScore, readTextScore } from './score.ts';
import type { Encoding } from './type-byte.ts';
import type { ZsetEntry, ZsetValue } from './value.ts';
import { Ziplist } from './ziplist.ts';

/** Of a member and its score, the length bytes. */
const LEAST_BYTES = 2;

export function decodeZset(reader: ByteReader, encoding: Encoding): ZsetValue {
  return { type: 'zset', entries: all(zsetEntries(reader, encoding)) };
}

/** One at a time, for values that are too large to be held at once. */
export function zsetEntries(reader: ByteReader, encoding: Encoding): Pull<ZsetEntry> {
  if (encoding === 'ZSET_ZIPLIST') return packed(new Ziplist(reader.packed('ziplist')));
  if (encoding === 'ZSET_LISTPACK') return packed(new Listpack(reader.packed('listpack')));
  return plain(reader, encoding === 'ZSET');
}

function plain(reader: ByteReader, isText: boolean): Pull<ZsetEntry> {
  let left = reader.count(LEAST_BYTES);
  return () => {
    if (left === 0) return undefined;
    left -= 1;
    return { member: reader.string(), score: isText ? readTextScore(reader) : reader.double() };
  };
}

function packed(elements: Elements): Pull<ZsetEntry> {
  return () => {
    if (!elements.next()) return undefined;
    const member = elements.bytes();
    demandNext(elements);
    return { member, score: scoreIn(elements) };
  };
}

function scoreIn(elements: Elements): number {
  const integer = elements.integer();
  if (integer !== undefined) return Number(integer);
  const score = parseScore(elements.bytes().toString('latin1'));
  if (score === undefined) throw elements.fail('the score is not a number');
  return score;
}
