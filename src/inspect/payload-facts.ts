// What a DUMP payload says of itself, as far as it can be read: its form, its version, its checksum, and where the parts of it lie.

import { Buffer } from 'node:buffer';
import { ByteReader } from '../rdb/byte-reader.ts';
import {
  bodyOf,
  encodingOf,
  FOOTER_BYTES,
  isIntact,
  typeOfEncoding,
  versionOf,
  CHECKSUM_BYTES,
  PayloadError,
  type Encoding,
} from '../rdb/payload.ts';
import { typeNameOf } from '../rdb/modules.ts';
import { lengthOfPiece, wholePieces } from '../rdb/pieces.ts';
import type { ValuePiece } from '../rdb/value.ts';

/** As OBJECT ENCODING names them; what only older servers write, as it was called then. */
const FORMS: Readonly<Partial<Record<Encoding, string>>> = {
  LIST: 'linkedlist',
  LIST_ZIPLIST: 'ziplist',
  LIST_QUICKLIST: 'quicklist of ziplists',
  LIST_QUICKLIST_2: 'quicklist',
  SET: 'hashtable',
  SET_INTSET: 'intset',
  SET_LISTPACK: 'listpack',
  ZSET: 'skiplist',
  ZSET_2: 'skiplist',
  ZSET_ZIPLIST: 'ziplist',
  ZSET_LISTPACK: 'listpack',
  HASH: 'hashtable',
  HASH_2: 'hashtable with expiring fields',
  HASH_METADATA: 'hashtable with expiring fields',
  HASH_METADATA_PRE_GA: 'hashtable with expiring fields',
  HASH_ZIPMAP: 'zipmap',
  HASH_ZIPLIST: 'ziplist',
  HASH_LISTPACK: 'listpack',
  HASH_LISTPACK_EX: 'listpack with expiring fields',
  HASH_LISTPACK_EX_PRE_GA: 'listpack with expiring fields',
  STREAM_LISTPACKS: 'stream',
  STREAM_LISTPACKS_2: 'stream',
  STREAM_LISTPACKS_3: 'stream',
};

/** The two highest bits of a string's length, where it is an integer or compressed. */
const SPECIAL = 0xc0;
const LZF = 0xc3;
/** Of a piece: the first elements are shown at once. */
const PIECE = { elements: 64, bytes: 64 * 1024 };

export interface PayloadFacts {
  /** Of the first byte. */
  readonly typeByte: number;
  /** As TYPE names it, of a module its own name; `undefined` where no known server writes that byte. */
  readonly type: string | undefined;
  /** `undefined` where there is no word for it. */
  readonly form: string | undefined;
  readonly rdbVersion: number;
  readonly isIntact: boolean;
}

/** @throws PayloadError for less than a payload has */
export function factsOf(payload: Buffer): PayloadFacts {
  const rdbVersion = versionOf(payload);
  const typeByte = payload[0]!;
  const encoding = encodingOf(typeByte, rdbVersion);
  return {
    typeByte,
    type: encoding && typeNameIn(payload, encoding),
    form: encoding && formOf(payload, encoding),
    rdbVersion,
    isIntact: isIntact(payload),
  };
}

function typeNameIn(payload: Buffer, encoding: Encoding): string {
  return typeNameOf(payload) ?? typeOfEncoding(encoding);
}

function formOf(payload: Buffer, encoding: Encoding): string | undefined {
  if (encoding !== 'STRING') return FORMS[encoding];
  const first = payload[1]!;
  if (first < SPECIAL) return 'raw';
  return first === LZF ? 'raw, compressed' : 'int';
}

/** Whether rump knows what the value holds. */
export function isReadable(payload: Buffer): boolean {
  const encoding = encodingOf(payload[0]!, versionOf(payload));
  return encoding !== undefined && typeOfEncoding(encoding) !== 'module';
}

/**
 * The elements, whatever the checksum says.
 * @throws PayloadError where it goes wrong: what was read before has come by then
 */
export function piecesOf(payload: Buffer): Generator<ValuePiece> {
  const version = versionOf(payload);
  const open = (): ByteReader => {
    const reader = new ByteReader(bodyOf(payload), `the value (type ${payload[0]})`);
    reader.skip(1);
    return reader;
  };
  return wholePieces(open, payload[0]!, version, PIECE);
}

/** Elements, or bytes of a string; `undefined` where they cannot be read to their end. */
export function lengthIn(payload: Buffer): number | undefined {
  if (!isReadable(payload)) return undefined;
  try {
    let length = 0;
    for (const piece of piecesOf(payload)) length += lengthOfPiece(piece);
    return length;
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error;
    return undefined;
  }
}

/** A part of a payload, from `start` to before `end`. */
export interface PayloadPart {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

export function partsOf(payload: Buffer): readonly PayloadPart[] {
  const body = payload.length - FOOTER_BYTES;
  const crc = payload.length - CHECKSUM_BYTES;
  return [
    { name: 'type', start: 0, end: 1 },
    { name: 'value', start: 1, end: body },
    { name: 'RDB version', start: body, end: crc },
    { name: 'CRC-64', start: crc, end: payload.length },
  ];
}
