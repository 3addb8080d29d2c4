// A value as JSON that is never in memory as a whole: it is set aside on disk, and once it has come whole, written from there.

import { Buffer } from 'node:buffer';
import { RespError } from '../../resp/errors.ts';
import type { LargeValue } from '../flow/entry.ts';
import type { Spool } from '../file/spool.ts';
import { CHANGED, untilRead } from '../keys/value-end.ts';
import { JsonWriter } from '../rdb/json-writer.ts';
import { typeOf } from '../rdb/payload.ts';
import { DEFAULT_LIMITS, lengthOfPiece, payloadPieces, sizeOfPiece } from '../rdb/pieces.ts';
import { PieceJson } from '../rdb/piece-json.ts';
import { TextCheck, wholeCharacters } from '../rdb/utf8.ts';
import { jsonTypeOf } from '../rdb/payload-json.ts';
import { beginDump, beginLine, endDump, endLine } from '../rdb/value-json.ts';
import type { ValuePiece, ValueType } from '../rdb/value.ts';
import type { Gathered } from './file-target.ts';
import { ORDERED, steadyPieces, type Pace } from './whole-value.ts';

/** Read back at once; as base64 such parts leave no rest. */
const PART_BYTES = 192 * 1024;

/** A payload that is at hand, as a value that is read in pieces. */
export class PayloadValue implements LargeValue {
  readonly payload: Buffer;
  readonly reading = 'same';
  readonly isAtHand = true;

  constructor(payload: Buffer) {
    this.payload = payload;
  }

  get type(): Exclude<ValueType, 'module'> | undefined {
    const type = typeOf(this.payload);
    return type === 'module' ? undefined : type;
  }

  async *pieces(bytes = DEFAULT_LIMITS.bytes): AsyncGenerator<ValuePiece, void, void> {
    yield* payloadPieces(this.payload, { ...DEFAULT_LIMITS, bytes });
  }
}

/** The payload itself, which nobody can read. */
export function dumpOf(json: JsonWriter, payload: Buffer): Gathered {
  return {
    isConverted: false,
    bytes: payload.length,
    *encode({ db, key, expireAt }) {
      beginLine(json, db, key, jsonTypeOf(payload), expireAt);
      beginDump(json);
      for (let at = 0; at < payload.length; at += PART_BYTES) {
        json.base64Part(payload.subarray(at, at + PART_BYTES));
        yield;
      }
      endDump(json);
      endLine(json);
    },
  };
}

/**
 * Reads the value, as often as it takes until its pieces are of one moment.
 * @param json for the line
 * @throws RespError where it cannot be had
 */
export async function spooled(json: JsonWriter, spool: Spool, large: LargeValue, pace: Pace): Promise<Gathered> {
  const { type, bytes, isText } = await untilRead(() => fill(spool, large, pace));
  return {
    isConverted: false,
    bytes,
    async *encode({ db, key, expireAt }) {
      beginLine(json, db, key, type, expireAt);
      if (type === 'string') yield* copyString(json, spool, isText);
      else {
        for await (const part of spool.parts(PART_BYTES)) {
          json.longJson(part);
          yield;
        }
      }
      endLine(json);
    },
  };
}

function endOfText(part: Buffer): number {
  return wholeCharacters(part, part.length);
}

async function* copyString(json: JsonWriter, spool: Spool, isText: boolean): AsyncGenerator<void, void, void> {
  json.begin(isText);
  for await (const part of spool.parts(PART_BYTES, isText ? endOfText : undefined)) {
    if (isText) json.textPart(part);
    else json.base64Part(part);
    yield;
  }
  json.end(isText);
}

interface Filled {
  readonly type: ValuePiece['type'];
  /** Of its elements. */
  readonly bytes: number;
  /** Of a string. */
  readonly isText: boolean;
}

/** The bytes of a string go as they are: whether they are text is known at its end. Everything else is JSON at once. */
async function fill(spool: Spool, large: LargeValue, pace: Pace): Promise<Filled> {
  pace.demandGoing();
  await spool.clear();
  const json = new JsonWriter();
  const value = new PieceJson(json);
  const check = new TextCheck();
  let [type, bytes, length]: [ValuePiece['type'] | undefined, number, number] = [undefined, 0, 0];
  const goOn = async (): Promise<void> => {
    pace.demandGoing();
    await pace.take(0);
  };
  for await (const piece of steadyPieces(large, DEFAULT_LIMITS.bytes, goOn)) {
    type = piece.type;
    if (piece.type === 'string') {
      check.add(piece.value);
      await spool.append([piece.value]);
    } else {
      for (const _ of value.add(piece)) {
        pace.demandGoing();
        await drain(json, spool);
      }
      await drain(json, spool);
    }
    const size = sizeOfPiece(piece);
    bytes += size;
    length += lengthOfPiece(piece);
    await pace.take(size);
  }
  for (const _ of type === 'string' ? [] : value.end()) {
    pace.demandGoing();
    await drain(json, spool);
  }
  await drain(json, spool);
  if (!ORDERED.has(type) && large.length !== undefined && length > large.length)
    throw new RespError(CHANGED, 'Elements came twice');
  return { type: type!, bytes, isText: check.isText };
}

async function drain(json: JsonWriter, spool: Spool): Promise<void> {
  const { pieces, spent } = json.take();
  await spool.append(pieces);
  json.reuse(spent);
}
