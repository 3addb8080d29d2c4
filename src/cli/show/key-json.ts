// A key and its value as one JSON object, as rump inspect prints it with --json: what its payload says of itself, then what is in it
// as lines of NDJSON have it, or the payload itself where nobody here can read it.

import { Buffer, isUtf8 } from 'node:buffer';
import { escapeJson } from '../../../resp/escapes.ts';
import type { InspectedKey } from '../../inspect/inspect-keys.ts';
import { factsOf, isReadable, piecesOf } from '../../inspect/payload-facts.ts';
import { JsonWriter } from '../../rdb/json-writer.ts';
import { ceiling, minus, NEVER } from '../../rdb/milliseconds.ts';
import { PayloadError } from '../../rdb/payload.ts';
import { PieceJson } from '../../rdb/piece-json.ts';
import { lengthOfPiece } from '../../rdb/pieces.ts';
import { wholeCharacters } from '../../rdb/utf8.ts';
import { writeDump } from '../../rdb/value-json.ts';
import type { ValuePiece } from '../../rdb/value.ts';

/** Bytes of a string that are shown: a piece of it. */
const LONGEST = 64 * 1024;

/** @param limit elements that are shown; all where it is 0 */
export async function* keyJson(inspected: InspectedKey, limit: number): AsyncGenerator<string> {
  const { payload, large } = inspected;
  const json = new JsonWriter();
  const value = new ShownValue(json, limit, large !== null);
  yield headOf(json, inspected);
  if (payload !== null && !isReadable(payload)) {
    writeDump(json, payload);
    yield `${taken(json)}}\n`;
    return;
  }
  let error: unknown;
  try {
    const pieces = large === null ? piecesOf(payload!) : large.pieces(LONGEST);
    for await (const piece of pieces) {
      for (const _ of value.add(piece)) yield taken(json);
      yield taken(json);
      if (value.isEnough) break;
    }
  } catch (caught) {
    error = caught;
  }
  for (const _ of value.end()) yield taken(json);
  const { shown, elements = inspected.largeLength ?? null } = value;
  const tail = error === undefined ? { shown, elements } : { shown, elements: null, error: errorJson(error) };
  yield `${taken(json)},${escapeJson(JSON.stringify(tail)).slice(1)}\n`;
  // The object is whole, and the run is not.
  if (error !== undefined && !(error instanceof PayloadError)) throw error;
}

function errorJson(error: unknown): object {
  if (error instanceof PayloadError) return { message: error.message, offset: error.offset };
  return { message: 'It could not be read to its end' };
}

/** As far as the value, which follows. */
function headOf(json: JsonWriter, inspected: InspectedKey): string {
  const { db, key, place, payload } = inspected;
  json.bytes(key);
  const name = taken(json);
  const facts = { ...place, ...(payload === null ? largeFacts(inspected) : payloadFacts(payload)) };
  const expiry = expiryJson(json, inspected);
  return `{"db":${db},"key":${name},${escapeJson(JSON.stringify(facts)).slice(1, -1)},${expiry},"value":`;
}

function expiryJson(json: JsonWriter, { expireAt, now }: InspectedKey): string {
  if (expireAt === NEVER) return '"expireAt":null,"ttl":null';
  json.integer(ceiling(expireAt));
  const at = taken(json);
  const left = minus(expireAt, Math.round(now));
  json.integer(left > 0 ? left : 0);
  return `"expireAt":${at},"ttl":${taken(json)}`;
}

function payloadFacts(payload: Buffer): object {
  const { type = null, typeByte, form = null, rdbVersion, isIntact } = factsOf(payload);
  return { type, typeByte, encoding: form, rdbVersion, checksum: isIntact, bytes: payload.length };
}

function largeFacts({ large, largeType, isStored }: InspectedKey): object {
  return { type: largeType ?? null, inPieces: true, [isStored ? 'bytes' : 'memory']: large?.bytes ?? null };
}

function taken(json: JsonWriter): string {
  const { pieces, spent } = json.take();
  const text = Buffer.concat(pieces).toString();
  json.reuse(spent);
  return text;
}

/** The elements that are shown, and how many there are. */
class ShownValue {
  readonly #json: JsonWriter;
  readonly #limit: number;
  readonly #isCostly: boolean;
  readonly #pieces: PieceJson;
  #string: Buffer | undefined;
  #isBegun = false;
  #length = 0;
  /** Of elements; of a string, bytes. */
  shown = 0;

  /** @param isCostly whether reading on costs somebody, where nothing more is shown */
  constructor(json: JsonWriter, limit: number, isCostly: boolean) {
    this.#json = json;
    this.#limit = limit === 0 ? Infinity : limit;
    this.#isCostly = isCostly;
    this.#pieces = new PieceJson(json);
  }

  get isEnough(): boolean {
    return this.#isCostly && this.#length > this.shown;
  }

  /** All of them; `undefined` where they were not counted. */
  get elements(): number | undefined {
    return this.isEnough ? undefined : this.#length;
  }

  /** At each step there is enough to be taken, as with `end()`. */
  *add(piece: ValuePiece): Generator<void, void, void> {
    this.#length += lengthOfPiece(piece);
    if (piece.type === 'string') {
      // The first piece alone is held.
      this.#string ??= piece.value.subarray(0, LONGEST);
      this.shown = this.#string.length;
      return;
    }
    const first = firstOf(piece, this.#limit - this.shown);
    this.shown += lengthOfPiece(first);
    this.#isBegun = true;
    yield* this.#pieces.add(first);
  }

  *end(): Generator<void, void, void> {
    if (this.#string !== undefined) {
      const shown = this.#length > this.#string.length ? beginningOf(this.#string) : this.#string;
      this.shown = shown.length;
      this.#json.bytes(shown);
    } else if (this.#isBegun) yield* this.#pieces.end();
    else this.#json.json(Buffer.from('null'));
  }
}

/** Of a string that goes on: a text does not end within a character, where it would be none. */
function beginningOf(bytes: Buffer): Buffer {
  const whole = bytes.subarray(0, wholeCharacters(bytes, bytes.length));
  return isUtf8(whole) ? whole : bytes;
}

function firstOf<P extends Exclude<ValuePiece, { type: 'string' }>>(piece: P, most: number): P {
  switch (piece.type) {
    case 'list':
      return { ...piece, items: piece.items.slice(0, most) };
    case 'set':
      return { ...piece, members: piece.members.slice(0, most) };
    case 'hash':
      return { ...piece, fields: piece.fields.slice(0, most) };
    default:
      return { ...piece, entries: piece.entries.slice(0, most) };
  }
}
