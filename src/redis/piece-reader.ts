// Reads a value piece by piece, for those that are too large to be dumped: the server never has to hold a copy of it.

import { RespError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import { parseScore } from '../rdb/score.ts';
import type { HashField, ValuePiece } from '../value.ts';
import { askOne, type AskAbout } from './ask-about.ts';
import { FIRST_PAGE, pageSizeAfter } from './page-size.ts';
import { readStream, type Deliveries } from './stream-reader.ts';

/** The code of an error: the key is there no more. */
export const GONE = 'GONE';
const STRING_BYTES = 1024 * 1024;
const NEVER = -1;

/**
 * The value as it is by and by: what changes meanwhile may be in it or not.
 * @param deliveries what earlier readings of the same value have found, and this one adds to
 * @throws ReplyError where the server will not say; RespError, `GONE` or that of a lost connection
 */
export async function* readPieces(ask: AskAbout, key: Buffer, deliveries: Deliveries): AsyncGenerator<ValuePiece> {
  const type = String(await askOne(ask, 'TYPE', key));
  switch (type) {
    case 'none':
      throw new RespError(GONE, 'The key is gone');
    case 'string':
      return yield* readString(ask, key);
    case 'list':
      return yield* readList(ask, key);
    case 'set':
      for await (const members of readPages(ask, 'SSCAN', key)) yield { type: 'set', members };
      return;
    case 'zset':
      for await (const page of readPages(ask, 'ZSCAN', key)) {
        yield { type: 'zset', entries: pairsOf(page).map(([member, score]) => ({ member, score: scoreOf(score) })) };
      }
      return;
    case 'hash':
      return yield* readHash(ask, key);
    case 'stream':
      return yield* readStream(ask, key, deliveries);
    default:
      throw new RespError(
        'PAYLOAD',
        `A value of the type ${type} cannot be read in pieces: only its module can read it`,
      );
  }
}

async function* readString(ask: AskAbout, key: Buffer): AsyncGenerator<ValuePiece> {
  for (let at = 0; ; at += STRING_BYTES) {
    const value = (await askOne(ask, 'GETRANGE', key, String(at), String(at + STRING_BYTES - 1))) as Buffer;
    if (value.length > 0 || at === 0) yield { type: 'string', value };
    if (value.length < STRING_BYTES) return;
  }
}

async function* readList(ask: AskAbout, key: Buffer): AsyncGenerator<ValuePiece> {
  let count = FIRST_PAGE;
  for (let at = 0; ;) {
    const items = (await askOne(ask, 'LRANGE', key, String(at), String(at + count - 1))) as readonly Buffer[];
    if (items.length === 0) return;
    yield { type: 'list', items };
    at += items.length;
    count = pageSizeAfter(count, bytesOf(items));
  }
}

async function* readHash(ask: AskAbout, key: Buffer): AsyncGenerator<ValuePiece> {
  let knowsExpiries = true;
  for await (const page of readPages(ask, 'HSCAN', key)) {
    const pairs = pairsOf(page);
    const names = pairs.map(([field]) => field);
    const [expiries] = knowsExpiries
      ? await ask([['HPEXPIRETIME', key, 'FIELDS', String(names.length), ...names]])
      : [];
    // Whoever does not know the command has no such fields.
    knowsExpiries = Array.isArray(expiries);
    const fields = pairs.map(([field, value], i): HashField => ({
      field,
      value,
      expireAt: knowsExpiries ? expiryOf(expiries, i) : NEVER,
    }));
    yield { type: 'hash', fields };
  }
}

/** -1 is a field without expiry, -2 one that has gone since, and is on its way out. */
function expiryOf(expiries: Reply | undefined, index: number): number {
  const expiry = (expiries as readonly number[])[index] ?? NEVER;
  return expiry > 0 ? expiry : NEVER;
}

/** Pages of SSCAN, HSCAN or ZSCAN, but for the empty ones. */
async function* readPages(ask: AskAbout, command: string, key: Buffer): AsyncGenerator<readonly Buffer[]> {
  let cursor = '0';
  let count = FIRST_PAGE;
  do {
    const [next, page] = (await askOne(ask, command, key, cursor, 'COUNT', String(count))) as [
      Buffer,
      readonly Buffer[],
    ];
    cursor = next.toString('latin1');
    if (page.length > 0) yield page;
    count = pageSizeAfter(count, bytesOf(page));
  } while (cursor !== '0');
}

function pairsOf(flat: readonly Buffer[]): [Buffer, Buffer][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]);
}

function scoreOf(text: Buffer): number {
  return parseScore(text.toString('latin1')) ?? NaN;
}

function bytesOf(elements: readonly Buffer[]): number {
  return elements.reduce((bytes, { length }) => bytes + length, 0);
}
