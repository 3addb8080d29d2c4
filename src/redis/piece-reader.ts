// Reads a value piece by piece, for those that are too large to be dumped: the server never has to hold a copy of it.

import { ReplyError, RespError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import { parseScore } from '../rdb/score.ts';
import type { HashField, ValuePiece } from '../value.ts';
import { askOne, demand, type AskAbout } from './ask-about.ts';
import { CursorLoop } from './cursor-loop.ts';
import { FIRST_PAGE, pageSizeAfter } from './page-size.ts';
import { readStream } from './stream-reader.ts';
import { NEVER, type Milliseconds } from '../milliseconds.ts';

/** The code of an error: the key is there no more. */
export const GONE = 'GONE';

/**
 * The value as it is by and by: what changes meanwhile may be in it or not.
 * @param pieceBytes of a piece, about
 * @throws ReplyError where the server will not say; RespError, `GONE` or that of a lost connection
 */
export async function* readPieces(ask: AskAbout, key: Buffer, pieceBytes: number): AsyncGenerator<ValuePiece> {
  yield* piecesOf(String(await askOne(ask, 'TYPE', key)), ask, key, pieceBytes);
}

function piecesOf(type: string, ask: AskAbout, key: Buffer, pieceBytes: number): AsyncGenerator<ValuePiece> {
  switch (type) {
    case 'none':
      throw new RespError(GONE, 'The key is gone');
    case 'string':
      return readString(ask, key, pieceBytes);
    case 'list':
      return readList(ask, key, pieceBytes);
    case 'set':
      return readSet(ask, key, pieceBytes);
    case 'zset':
      return readZset(ask, key, pieceBytes);
    case 'hash':
      return readHash(ask, key, pieceBytes);
    case 'stream':
      return readStream(ask, key, pieceBytes);
    default:
      throw new RespError('PAYLOAD', `Cannot read a value of the type ${type} by commands: rump knows none that do`);
  }
}

async function* readString(ask: AskAbout, key: Buffer, pieceBytes: number): AsyncGenerator<ValuePiece> {
  for (let at = 0; ; at += pieceBytes) {
    const value = (await askOne(ask, 'GETRANGE', key, String(at), String(at + pieceBytes - 1))) as Buffer;
    if (value.length > 0 || at === 0) yield { type: 'string', value };
    if (value.length < pieceBytes) return;
  }
}

async function* readList(ask: AskAbout, key: Buffer, pieceBytes: number): AsyncGenerator<ValuePiece> {
  let count = FIRST_PAGE;
  for (let at = 0; ;) {
    const items = (await askOne(ask, 'LRANGE', key, String(at), String(at + count - 1))) as readonly Buffer[];
    if (items.length === 0) return;
    yield { type: 'list', items };
    at += items.length;
    count = pageSizeAfter(count, bytesOf(items), pieceBytes);
  }
}

async function* readSet(ask: AskAbout, key: Buffer, pieceBytes: number): AsyncGenerator<ValuePiece> {
  for await (const members of readPages(ask, 'SSCAN', key, pieceBytes)) yield { type: 'set', members };
}

async function* readZset(ask: AskAbout, key: Buffer, pieceBytes: number): AsyncGenerator<ValuePiece> {
  for await (const page of readPages(ask, 'ZSCAN', key, pieceBytes)) {
    yield { type: 'zset', entries: pairsOf(page).map(([member, score]) => ({ member, score: scoreOf(score) })) };
  }
}

async function* readHash(ask: AskAbout, key: Buffer, pieceBytes: number): AsyncGenerator<ValuePiece> {
  let knowsExpiries = true;
  for await (const page of readPages(ask, 'HSCAN', key, pieceBytes)) {
    const pairs = pairsOf(page);
    const names = pairs.map(([field]) => field);
    const expiries: readonly Reply[] | undefined = knowsExpiries ? await expiriesOf(ask, key, names) : undefined;
    knowsExpiries = expiries !== undefined;
    const fields = pairs.map(([field, value], i): HashField => ({
      field,
      value,
      expireAt: expiries === undefined ? NEVER : expiryOf(expiries, i),
    }));
    yield { type: 'hash', fields };
  }
}

/** `undefined` where the server does not know the command, and so has no such fields. @throws ReplyError where it will not say */
async function expiriesOf(ask: AskAbout, key: Buffer, names: readonly Buffer[]): Promise<readonly Reply[] | undefined> {
  const command = ['HPEXPIRETIME', key, 'FIELDS', String(names.length), ...names];
  const [reply] = await demand(ask, [command], ['HPEXPIRETIME']);
  if (!(reply instanceof ReplyError)) return reply as readonly Reply[];
  if (reply.code !== 'ERR') throw reply;
  return undefined;
}

/** -1 is a field without expiry, -2 one that has gone since, and is on its way out. */
function expiryOf(expiries: readonly Reply[], index: number): Milliseconds {
  const expiry = (expiries[index] ?? NEVER) as Milliseconds;
  return expiry > 0 ? expiry : NEVER;
}

/** Pages of SSCAN, HSCAN or ZSCAN, but for the empty ones. */
async function* readPages(
  ask: AskAbout,
  command: string,
  key: Buffer,
  pieceBytes: number,
): AsyncGenerator<readonly Buffer[]> {
  let cursor = '0';
  let count = FIRST_PAGE;
  const loop = new CursorLoop();
  do {
    const [next, page] = (await askOne(ask, command, key, cursor, 'COUNT', String(count))) as [
      Buffer,
      readonly Buffer[],
    ];
    cursor = next.toString('latin1');
    if (loop.repeats(cursor)) throw goesRound(command, cursor);
    if (page.length > 0) yield page;
    count = pageSizeAfter(count, bytesOf(page), pieceBytes);
  } while (cursor !== '0');
}

function goesRound(command: string, cursor: string): RespError {
  return new RespError(
    'PAYLOAD',
    `Cannot read the value: ${command} gave the cursor ${cursor} twice, and would never end`,
  );
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
