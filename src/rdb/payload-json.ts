// Payloads as JSON (value-json.ts). Elements go straight out of the bytes where they lie, as far as nearly all of them can: what
// becomes an object on the way takes twice the time.

import type { Buffer } from 'node:buffer';
import type { ByteReader } from './byte-reader.ts';
import {
  demandEnd,
  hashFields,
  LEAST_PAIR_BYTES,
  listNode,
  listNodes,
  openPayload,
  scoreIn,
  setMembers,
  zsetEntries,
} from './decode.ts';
import { decodeStream } from './decode-stream.ts';
import type { JsonWriter } from './json-writer.ts';
import { typeNameOf } from './modules.ts';
import { demandNext, Listpack, Ziplist, type Elements, type Pull } from './packed-forms.ts';
import { demandIntact, typeOf, typeOfEncoding, type Encoding } from './payload.ts';
import { CLOSE, COMMA, OPEN, writeBytes, writeDump, writeField, writeMember, writeStream } from './value-json.ts';

/** What is written about a key whose payload rump does not know. */
const UNKNOWN = 'unknown';

/** As TYPE names it, modules by their own names; `unknown` where the payload does not tell. */
export function jsonTypeOf(payload: Buffer): string {
  return typeNameOf(payload) ?? UNKNOWN;
}

/** Whether the value is written as its payload: rump cannot look into it. */
export function isOpaque(payload: Buffer): boolean {
  const type = typeOf(payload);
  return type === undefined || type === 'module';
}

/** Of such a payload the checksum alone tells that it is damaged. @throws PayloadError */
export function demandWhole(payload: Buffer): void {
  demandIntact(payload, `a value of type byte ${payload[0]!}`);
}

/**
 * The value of a payload.
 * @throws PayloadError for a damaged one; some of it may have been written (`JsonWriter.rewind`)
 */
export function writePayload(json: JsonWriter, payload: Buffer): void {
  if (isOpaque(payload)) {
    demandWhole(payload);
    return writeDump(json, payload);
  }
  const { reader, encoding } = openPayload(payload);
  switch (typeOfEncoding(encoding)) {
    case 'stream':
      writeStream(json, decodeStream(reader, encoding));
      break;
    case 'string':
      reader.stringTo(json);
      break;
    default:
      json.byte(OPEN);
      writeElements(json, reader, encoding);
      json.byte(CLOSE);
  }
  demandEnd(reader);
}

/** Of a collection. */
function writeElements(json: JsonWriter, reader: ByteReader, encoding: Encoding): void {
  switch (encoding) {
    case 'LIST':
    case 'LIST_ZIPLIST':
    case 'LIST_QUICKLIST':
    case 'LIST_QUICKLIST_2':
      return writeNodes(json, reader, encoding);
    case 'SET':
      return writeStrings(json, reader);
    case 'SET_LISTPACK':
      return void writePacked(json, new Listpack(reader.packed('listpack')), true);
    case 'SET_INTSET':
      return writeAll(json, setMembers(reader, encoding), writeBytes);
    case 'ZSET_2':
      return writeScored(json, reader);
    case 'ZSET_ZIPLIST':
      return writePackedScores(json, new Ziplist(reader.packed('ziplist')));
    case 'ZSET_LISTPACK':
      return writePackedScores(json, new Listpack(reader.packed('listpack')));
    case 'ZSET':
      return writeAll(json, zsetEntries(reader, encoding), writeMember);
    case 'HASH':
      return writeFields(json, reader);
    case 'HASH_ZIPLIST':
      return writePackedFields(json, new Ziplist(reader.packed('ziplist')));
    case 'HASH_LISTPACK':
      return writePackedFields(json, new Listpack(reader.packed('listpack')));
    default:
      return writeAll(json, hashFields(reader, encoding), writeField);
  }
}

function writeAll<T>(json: JsonWriter, next: Pull<T>, write: (json: JsonWriter, element: T) => void): void {
  let isFirst = true;
  for (let element = next(); element !== undefined; element = next()) {
    if (!isFirst) json.byte(COMMA);
    isFirst = false;
    write(json, element);
  }
}

function writeNodes(json: JsonWriter, reader: ByteReader, encoding: Encoding): void {
  let isFirst = true;
  for (let left = listNodes(reader, encoding); left > 0; left -= 1) {
    const elements = listNode(reader, encoding);
    if (elements !== undefined) isFirst = writePacked(json, elements, isFirst);
    else {
      if (!isFirst) json.byte(COMMA);
      isFirst = false;
      reader.stringTo(json);
    }
  }
}

/** @returns whether nothing was written, and what follows would be the first element */
function writePacked(json: JsonWriter, elements: Elements, isFirst: boolean): boolean {
  let isNext = isFirst;
  while (elements.next()) {
    if (!isNext) json.byte(COMMA);
    isNext = false;
    elements.bytesTo(json);
  }
  return isNext;
}

function writeStrings(json: JsonWriter, reader: ByteReader): void {
  for (let left = reader.count(1), isFirst = true; left > 0; left -= 1, isFirst = false) {
    if (!isFirst) json.byte(COMMA);
    reader.stringTo(json);
  }
}

function writeScored(json: JsonWriter, reader: ByteReader): void {
  for (let left = reader.count(LEAST_PAIR_BYTES), isFirst = true; left > 0; left -= 1, isFirst = false) {
    beginElement(json, isFirst);
    reader.stringTo(json);
    json.byte(COMMA);
    json.double(reader.double());
    json.byte(CLOSE);
  }
}

function writePackedScores(json: JsonWriter, elements: Elements): void {
  for (let isFirst = true; elements.next(); isFirst = false) {
    beginElement(json, isFirst);
    elements.bytesTo(json);
    demandNext(elements);
    json.byte(COMMA);
    json.double(scoreIn(elements));
    json.byte(CLOSE);
  }
}

function writeFields(json: JsonWriter, reader: ByteReader): void {
  for (let left = reader.count(LEAST_PAIR_BYTES), isFirst = true; left > 0; left -= 1, isFirst = false) {
    beginElement(json, isFirst);
    reader.stringTo(json);
    json.byte(COMMA);
    reader.stringTo(json);
    json.byte(CLOSE);
  }
}

function writePackedFields(json: JsonWriter, elements: Elements): void {
  for (let isFirst = true; elements.next(); isFirst = false) {
    beginElement(json, isFirst);
    elements.bytesTo(json);
    demandNext(elements);
    json.byte(COMMA);
    elements.bytesTo(json);
    json.byte(CLOSE);
  }
}

function beginElement(json: JsonWriter, isFirst: boolean): void {
  if (!isFirst) json.byte(COMMA);
  json.byte(OPEN);
}
