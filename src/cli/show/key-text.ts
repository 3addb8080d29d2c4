// A key and its value as text, as rump inspect shows them: a line about it, then its elements in the quoting of redis-cli; or the
// bytes of a payload that nobody here can read.

import { escapeControls, escapeKey, shortKey } from '../../../resp/escapes.ts';
import { countOf, formatBytes, formatCount, formatDuration } from '../../../resp/figures.ts';
import { factsOf, isReadable, lengthIn, partsOf, piecesOf } from '../../inspect/payload-facts.ts';
import type { InspectedKey } from '../../inspect/inspect-keys.ts';
import type { LargeValue } from '../../flow/entry.ts';
import { NEVER, type Milliseconds } from '../../rdb/milliseconds.ts';
import { PayloadError } from '../../rdb/payload.ts';
import { formatId, type StreamHead, type ValuePiece } from '../../rdb/value.ts';

/** Bytes of one element that are shown. */
const LONGEST = 1024;
/** Of what a server is asked for at once. */
const PIECE_BYTES = 64 * 1024;
const HEX_COLUMNS = 16;
/** Of a payload that cannot be read. */
const MOST_HEX = 4096;
/** Beyond it a moment has no date. */
const LAST_DATE = 8.64e15;

/** @param limit elements that are shown; all where it is 0 */
export async function* keyText(inspected: InspectedKey, limit: number): AsyncGenerator<string> {
  const { payload, large, now } = inspected;
  if (large !== null) yield* largeText(inspected, large, limit);
  else {
    yield headOf(inspected, payloadFacts(payload!));
    if (isReadable(payload!)) yield* payloadText(payload!, { limit, now });
    else yield* hexText(payload!);
  }
}

function headOf({ db, key, place, expireAt, now }: InspectedKey, facts: readonly string[]): string {
  const where = place === undefined ? '' : `, slot ${place.slot} at ${escapeControls(place.node)}`;
  return `"${escapeKey(key)}" in db ${db}${where}: ${[...facts, expiryText(expireAt, now)].join(', ')}\n`;
}

/** Whoever has it is asked for no more than is shown. */
async function* largeText(inspected: InspectedKey, large: LargeValue, limit: number): AsyncGenerator<string> {
  const { largeType: type, largeLength: length, now } = inspected;
  const place = inspected.isStored ? 'in the file' : 'in memory';
  yield headOf(inspected, [
    type ?? 'a type that nobody tells',
    ...lengthText(type, length),
    ...(large.bytes === undefined ? [] : [`${formatBytes(large.bytes)} ${place}`]),
    'read in pieces',
  ]);
  yield* valueText(large.pieces(PIECE_BYTES), { limit, now, isCostly: true, length });
}

function payloadFacts(payload: Buffer): string[] {
  const { type, typeByte, form, rdbVersion, isIntact } = factsOf(payload);
  const checksum = isIntact ? 'the checksum is right' : 'the checksum is wrong';
  return [
    type === undefined ? `type ${typeByte}, which rump does not know` : escapeControls(type),
    ...(form === undefined ? [] : [form]),
    ...lengthText(type, lengthIn(payload)),
    countOf(payload.length, 'byte'),
    `RDB version ${rdbVersion}`,
    checksum,
  ];
}

function expiryText(expireAt: Milliseconds, now: number): string {
  if (expireAt === NEVER) return 'no expiry';
  const left = Number(expireAt) - now;
  return `expires ${left > 0 ? `in ${formatDuration(left)}` : 'now'} (${dateOf(expireAt)})`;
}

function dateOf(time: Milliseconds): string {
  return Number(time) <= LAST_DATE ? new Date(Number(time)).toISOString() : `${time} ms`;
}

/** Of a string the elements are its bytes, of which there is less to say. */
function lengthText(type: string | undefined, length: number | undefined): string[] {
  return type === 'string' || length === undefined ? [] : [countOf(length, 'element')];
}

/** What can be read of it, and where it goes wrong. */
async function* payloadText(payload: Buffer, shown: Shown): AsyncGenerator<string> {
  try {
    yield* valueText(piecesOf(payload), shown);
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error;
    yield `  ${escapeControls(error.message)}\n`;
    yield* hexText(payload);
  }
}

interface Shown {
  /** Elements; all where it is 0. */
  readonly limit: number;
  readonly now: number;
  /** Whether reading on costs somebody: then it ends where nothing more is shown. */
  readonly isCostly?: boolean;
  /** Elements that there are, where that is told. */
  readonly length?: number | undefined;
}

async function* valueText(
  pieces: Iterable<ValuePiece> | AsyncIterable<ValuePiece>,
  { limit, now, isCostly = false, length }: Shown,
): AsyncGenerator<string> {
  let [shown, more] = [0, 0];
  let head: StreamHead | undefined;
  const text = new StringHead();
  for await (const piece of pieces) {
    if (piece.type === 'string') text.add(piece.value);
    else {
      if (piece.type === 'stream') head ??= piece.head;
      let lines = '';
      for (const line of linesOf(piece, now)) {
        if (limit > 0 && shown >= limit) more++;
        else lines += `${String(++shown).padStart(5)}) ${line}\n`;
      }
      if (lines !== '') yield lines;
    }
    if (isCostly && (more > 0 || text.isFull)) break;
  }
  if (text.isAny) yield `       ${isCostly ? text.shownOf(length) : text.shown}\n`;
  if (more > 0) yield `       and ${moreText(isCostly ? length && length - shown : more)}more (--limit)\n`;
  if (head !== undefined) yield* groupLines(head, limit);
}

/** @param more as far as it is told; it may have become less meanwhile */
function moreText(more: number | undefined): string {
  return more === undefined || more <= 0 ? '' : `${formatCount(more)} `;
}

/** The beginning of a byte string that comes in pieces. */
class StringHead {
  #head: Buffer = Buffer.alloc(0);
  #length = 0;
  isAny = false;

  add(piece: Buffer): void {
    this.isAny = true;
    this.#length += piece.length;
    if (!this.isFull) this.#head = Buffer.concat([this.#head, piece.subarray(0, LONGEST - this.#head.length)]);
  }

  get isFull(): boolean {
    return this.#head.length === LONGEST;
  }

  get shown(): string {
    return quoted(this.#head, this.#length);
  }

  /** Where the end of it has not come. */
  shownOf(length: number | undefined): string {
    return this.isFull && length === undefined ? `${quoted(this.#head)}…` : quoted(this.#head, length);
  }
}

function* linesOf(piece: Exclude<ValuePiece, { type: 'string' }>, now: number): Generator<string> {
  switch (piece.type) {
    case 'list':
      for (const item of piece.items) yield quoted(item);
      return;
    case 'set':
      for (const member of piece.members) yield quoted(member);
      return;
    case 'zset':
      for (const { member, score } of piece.entries) yield `${quoted(member)} ${scoreText(score)}`;
      return;
    case 'hash':
      for (const { field, value, expireAt } of piece.fields) {
        const expiry = expireAt === NEVER ? '' : `, ${expiryText(expireAt, now)}`;
        yield `${quoted(field)} ${quoted(value)}${expiry}`;
      }
      return;
    case 'stream':
      for (const { id, fields } of piece.entries)
        yield `${formatId(id)} ${fields.map((part) => quoted(part)).join(' ')}`;
  }
}

/** As redis-cli has it. */
function scoreText(score: number): string {
  if (Object.is(score, -0)) return '-0';
  return Number.isFinite(score) ? String(score) : String(score).replace('Infinity', 'inf').toLowerCase();
}

/** @param limit groups, and consumers of each; all where it is 0 */
function* groupLines({ groups, lastId }: StreamHead, limit: number): Generator<string> {
  const most = limit === 0 ? Infinity : limit;
  yield `       the last id is ${formatId(lastId)}\n`;
  for (const { name, lastId: at, pending, consumers } of groups.slice(0, most)) {
    const who = consumers.slice(0, most).map((consumer) => quoted(consumer.name));
    if (consumers.length > most) who.push(`and ${moreText(consumers.length - most)}more (--limit)`);
    const names = who.join(' ') || 'none';
    yield `       group ${quoted(name)} at ${formatId(at)}, ${formatCount(pending.length)} pending, consumers ${names}\n`;
  }
  if (groups.length > most) yield `       and ${countOf(groups.length - most, 'more group')} (--limit)\n`;
}

function quoted(bytes: Buffer, length = bytes.length): string {
  return shortKey(bytes, LONGEST, '"', length);
}

/** Offsets, bytes and what is printable of them, part by part. */
function* hexText(payload: Buffer): Generator<string> {
  for (const { name, start, end } of partsOf(payload)) {
    yield `  ${name}, ${countOf(end - start, 'byte')} at ${start}\n`;
    const last = Math.min(end, start + MOST_HEX);
    for (let at = start; at < last; at += HEX_COLUMNS) yield hexLine(payload, at, Math.min(at + HEX_COLUMNS, last));
    if (last < end) yield `    … ${countOf(end - last, 'more byte')}\n`;
  }
}

function hexLine(payload: Buffer, at: number, end: number): string {
  const bytes = payload.subarray(at, end);
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const text = bytes.toString('latin1').replaceAll(/[^ -~]/g, '.');
  return `    ${at.toString(16).padStart(8, '0')}  ${hex.padEnd(HEX_COLUMNS * 3)} ${text}\n`;
}
