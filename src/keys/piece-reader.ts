// Reads a value piece by piece, for those that are too large to be dumped: the server never has to hold a copy of it, nor to
// work on it for long.

import { ProtocolError, ReplyError, RespError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import { parseScore } from '../rdb/decode.ts';
import type { HashField, ValuePiece, ZsetEntry } from '../rdb/value.ts';
import { kindOf } from '../server/refusal.ts';
import { askOne, bytesIn, demand, integerIn, listIn, nonsense, stringsIn, type AskAbout } from '../server/replies.ts';
import { CursorLoop, sizeOfPage } from '../scan/cursor.ts';
import type { PageSize } from '../server/transfer-limits.ts';
import { isLongReply } from '../server/server.ts';
import { readStream } from './stream-reader.ts';
import { CHANGED, GONE, LONG_PAGE, ValueEnd } from './value-end.ts';
import { NEVER, type Milliseconds } from '../rdb/milliseconds.ts';

/** What HPEXPIRETIME answers for a field that is not there. */
const NO_FIELD = -2;

/**
 * The value as it is by and by: what changes meanwhile may be in it or not. No piece at all: nothing is left of it.
 * @throws ReplyError where the server will not say; RespError, `GONE`, `CHANGED`, `LONG_PAGE`, `TOO_LONG` or that of a lost connection
 */
export async function* readPieces(ask: AskAbout, key: Buffer, size: PageSize): AsyncGenerator<ValuePiece> {
  const type = String(await askOne(ask, 'TYPE', key));
  try {
    yield* type === 'string' ? readString(ask, key, size.pieceBytes) : piecesOf(type, ask, key, size);
  } catch (error) {
    if (isLongReply(error)) throw tooLong(error, type !== 'string' && size.count > 1);
    if (!(error instanceof ReplyError) || !(await isOfAnother(error, ask, key, type))) throw error;
    throw new RespError(CHANGED, 'It changed while it was read (replaced)', { cause: error });
  }
}

function tooLong(error: ProtocolError, mayDivide: boolean): RespError {
  const { message, peer, hint } = error;
  return new RespError(mayDivide ? LONG_PAGE : 'TOO_LONG', `${message} (${hint})`, { peer, cause: error });
}

/** Whether a reply was refused as there is another value by now, or none. */
async function isOfAnother(error: ReplyError, ask: AskAbout, key: Buffer, type: string): Promise<boolean> {
  const kind = kindOf(error);
  return kind === 'other-value' || (kind === 'not-understood' && String(await askOne(ask, 'TYPE', key)) !== type);
}

function piecesOf(type: string, ask: AskAbout, key: Buffer, size: PageSize): AsyncGenerator<ValuePiece> {
  switch (type) {
    case 'none':
      throw new RespError(GONE, 'The key is gone');
    case 'list':
      return readList(ask, key, size);
    case 'set':
      return readSet(ask, key, size);
    case 'zset':
      return readZset(ask, key, size);
    case 'hash':
      return readHash(ask, key, size);
    case 'stream':
      return readStream(ask, key, size);
    default:
      throw new RespError('PAYLOAD', `Cannot read a value of the type ${type} by commands: rump knows none that do`);
  }
}

async function* readString(ask: AskAbout, key: Buffer, pieceBytes: number): AsyncGenerator<ValuePiece> {
  const end = new ValueEnd(ask, key, 'string');
  for (let at = 0; ; at += pieceBytes) {
    const range = [String(at), String(at + pieceBytes - 1)] as const;
    const value = bytesIn(await askOne(ask, 'GETRANGE', key, ...range), 'GETRANGE');
    if (value.length > pieceBytes) throw nonsense('GETRANGE');
    await end.onPage('GETRANGE', value.length);
    if (value.length > 0 || at === 0) yield { type: 'string', value };
    if (value.length < pieceBytes) return end.onEnd();
  }
}

async function* readList(ask: AskAbout, key: Buffer, size: PageSize): AsyncGenerator<ValuePiece> {
  size.keepOrder();
  const end = new ValueEnd(ask, key, 'list');
  const length = (await end.count()) ?? 0;
  // A short page was its end then: one that grows all the time would have no other.
  for (let at = 0, isShort = false; !isShort;) {
    const start = performance.now();
    const asked = size.count;
    const range = [String(at), String(at + asked - 1)] as const;
    const items = stringsIn(await askOne(ask, 'LRANGE', key, ...range), 'LRANGE');
    if (items.length > asked) throw nonsense('LRANGE');
    await end.onPage('LRANGE', items.length);
    size.observe(bytesOf(items), performance.now() - start);
    at += items.length;
    isShort = items.length < asked;
    if (items.length > 0) yield { type: 'list', items };
    if (isShort && at < length) await end.onEnd();
  }
}

async function* readSet(ask: AskAbout, key: Buffer, size: PageSize): AsyncGenerator<ValuePiece> {
  const end = new ValueEnd(ask, key, 'set');
  for await (const members of readPages(ask, 'SSCAN', key, size, end)) yield { type: 'set', members };
  await end.onEnd();
}

async function* readZset(ask: AskAbout, key: Buffer, size: PageSize): AsyncGenerator<ValuePiece> {
  const end = new ValueEnd(ask, key, 'zset');
  for await (const page of readPages(ask, 'ZSCAN', key, size, end)) {
    const entries: ZsetEntry[] = [];
    for (let i = 0; i < page.length; i += 2) entries.push({ member: page[i]!, score: scoreOf(page[i + 1]!) });
    yield { type: 'zset', entries };
  }
  await end.onEnd();
}

async function* readHash(ask: AskAbout, key: Buffer, size: PageSize): AsyncGenerator<ValuePiece> {
  const end = new ValueEnd(ask, key, 'hash');
  let knowsExpiries = true;
  for await (const page of readPages(ask, 'HSCAN', key, size, end)) {
    const expiries: readonly Reply[] | undefined = knowsExpiries ? await expiriesOf(ask, key, page) : undefined;
    knowsExpiries = expiries !== undefined;
    const fields: HashField[] = [];
    for (let i = 0; i < page.length; i += 2) {
      const expireAt = expiries === undefined ? NEVER : expiryOf(expiries[i / 2]);
      if (expireAt !== undefined) fields.push({ field: page[i]!, value: page[i + 1]!, expireAt });
    }
    if (fields.length > 0) yield { type: 'hash', fields };
  }
  // HLEN counts fields that have expired and are not removed yet.
  if (!knowsExpiries) await end.onEnd();
}

/**
 * @param page names and values by turns
 * @returns `undefined` where the server does not know the command, and so has no fields that expire
 * @throws ReplyError where it will not say
 */
async function expiriesOf(ask: AskAbout, key: Buffer, page: readonly Buffer[]): Promise<readonly Reply[] | undefined> {
  const names = page.filter((_, i) => i % 2 === 0);
  const command = ['HPEXPIRETIME', key, 'FIELDS', String(names.length), ...names];
  const [reply] = await demand(ask, [command], ['HPEXPIRETIME']);
  if (reply instanceof ReplyError) {
    if (kindOf(reply) !== 'not-understood') throw reply;
    return undefined;
  }
  // The whole hash has gone, as some servers say it.
  if (reply === null && (await askOne(ask, 'EXISTS', key)) === 0) return names.map(() => NO_FIELD);
  const expiries = listIn(reply, 'HPEXPIRETIME');
  if (expiries.length !== names.length) throw nonsense('HPEXPIRETIME');
  return expiries;
}

/**
 * -2 is a field that has gone since: a replica, or a server that is behind with its removing, shows it for a while to who scans.
 * @returns `undefined` for such a one
 */
function expiryOf(reply: Reply | undefined): Milliseconds | undefined {
  const expiry = integerIn(reply, 'HPEXPIRETIME', NO_FIELD);
  return expiry === NO_FIELD ? undefined : expiry;
}

/** Pages of SSCAN, HSCAN or ZSCAN, but for the empty ones. */
async function* readPages(
  ask: AskAbout,
  command: string,
  key: Buffer,
  size: PageSize,
  end: ValueEnd,
): AsyncGenerator<readonly Buffer[]> {
  const words = command === 'SSCAN' ? 1 : 2;
  let cursor = '0';
  const loop = new CursorLoop();
  do {
    const start = performance.now();
    const asked = size.count;
    const reply = await askOne(ask, command, key, cursor, 'COUNT', String(asked));
    const [next, elements] = listIn(reply, command);
    const page = stringsIn(elements, command, words);
    size.observe(bytesOf(page), performance.now() - start);
    cursor = bytesIn(next, command).toString('latin1');
    if (loop.repeats(cursor)) throw goesRound(command, cursor);
    const found = page.length / words;
    await end.onPage(command, found, sizeOfPage(asked, found));
    if (page.length > 0) yield page;
  } while (cursor !== '0');
}

function goesRound(command: string, cursor: string): RespError {
  return new RespError(
    'PAYLOAD',
    `Cannot read the value: ${command} gave the cursor ${cursor} twice, and would never end`,
  );
}

function scoreOf(text: Buffer): number {
  return parseScore(text.toString('latin1')) ?? NaN;
}

function bytesOf(elements: readonly Buffer[]): number {
  let bytes = 0;
  for (const { length } of elements) bytes += length;
  return bytes;
}
