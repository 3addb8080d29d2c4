// What a snapshot holds beside keys that can be copied: it is passed over, counted, and reported by name. Values of newer
// servers and of KeyDB are not decoded, but it is known where they end.

import type { ByteReader } from '../rdb/byte-reader.ts';
import { moduleNameOf, skipParts } from '../rdb/modules.ts';
import { isNewerVersion, isOfValkey, newerForm } from '../rdb/payload.ts';
import { passNumber, repeated, streamLayout, type Layout } from '../rdb/skip.ts';

/**
 * `databases`: not asked for, but with keys; `functions`: libraries; `modules`: with data outside of keys; `slots`: being
 * imported; `metadata`: keys with data attached by modules; `expiries`: keys of KeyDB whose members expire; `empty`:
 * collections without elements; `mark`: bytes behind the end.
 */
export type LeftOutKind = 'databases' | 'functions' | 'modules' | 'slots' | 'metadata' | 'expiries' | 'empty' | 'mark';

export interface LeftOutPart {
  count: number;
  /** The first few. */
  readonly names: string[];
}

/** Of Redis Enterprise: with a number, before each key; with a slot. */
export const ENTERPRISE_NUMBER = 107;
export const ENTERPRISE_SLOT = 121;
/** Redis 8.6 puts the metadata of a key there, Valkey 9.0 slots that are on their way. */
export const KEY_METADATA = 243;
const SLOT_INFO = 244;
const FUNCTION_2 = 245;
const FUNCTION_PRE_GA = 246;
const MODULE_AUX = 247;
const RESIZE_DB = 251;
const MOST_NAMES = 20;
/** The beginning of the code of a library, where its name is. */
const HEAD_BYTES = 1024;
const CLASS_BYTES = 4;

export class LeftOut {
  readonly #parts = new Map<LeftOutKind, LeftOutPart>();

  get parts(): Iterable<[LeftOutKind, LeftOutPart]> {
    return this.#parts;
  }

  /** Counts one. @param nameOf called only if the name is kept */
  add(kind: LeftOutKind, nameOf: () => string): void {
    const part = this.#parts.get(kind) ?? { count: 0, names: [] };
    part.count += 1;
    if (part.count <= MOST_NAMES) part.names.push(nameOf());
    else if (part.count === MOST_NAMES + 1) part.names.push('…');
    this.#parts.set(kind, part);
  }

  /** Passes over what belongs to the opcode. False for opcodes that are not left out, or not known in that version. */
  pass(reader: ByteReader, opcode: number, version: number): boolean {
    switch (opcode) {
      case RESIZE_DB:
        skipLengths(reader, 2);
        return true;
      case ENTERPRISE_NUMBER:
      case ENTERPRISE_SLOT:
        skipLengths(reader, 1);
        return true;
      case SLOT_INFO:
        skipLengths(reader, 3);
        return true;
      case FUNCTION_2:
        this.#passFunctions(reader);
        return true;
      case FUNCTION_PRE_GA:
        this.#passEarlyFunctions(reader);
        return true;
      case MODULE_AUX:
        this.#passModule(reader);
        return true;
      case KEY_METADATA:
        if (!isOfValkey(version)) return false;
        this.#passSlots(reader);
        return true;
      default:
        return false;
    }
  }

  /** A library. */
  #passFunctions(reader: ByteReader): void {
    const head = reader.string().toString('latin1', 0, HEAD_BYTES);
    this.#addOnce('functions', /^#![^\n]*?\bname=(\w+)/.exec(head)?.[1] ?? 'one without a name');
  }

  /** The same of a release candidate of Redis 7.0: name, engine, whether there is a description, the description, code. */
  #passEarlyFunctions(reader: ByteReader): void {
    const name = reader.string().toString('latin1', 0, HEAD_BYTES);
    this.#addOnce('functions', name);
    reader.skipString();
    if (reader.length() > 0) reader.skipString();
    reader.skipString();
  }

  /** What a module wrote for itself. */
  #passModule(reader: ByteReader): void {
    const id = reader.uint64();
    // The first part is a number that says when it is to be read.
    skipParts(reader);
    this.#addOnce('modules', moduleNameOf(id));
  }

  /** The state of a migration of slots. */
  #passSlots(reader: ByteReader): void {
    reader.skipString();
    for (let ranges = reader.count(2); ranges > 0; ranges -= 1) {
      const [first, last] = [reader.length(), reader.length()];
      this.#addOnce('slots', first === last ? String(first) : `${first}-${last}`);
    }
  }

  #addOnce(kind: LeftOutKind, name: string): void {
    if (this.#parts.get(kind)?.names.includes(name) !== true) this.add(kind, () => name);
  }
}

function skipLengths(reader: ByteReader, count: number): void {
  for (let left = count; left > 0; left -= 1) reader.length();
}

/** Passes over the data that modules have attached to the next key, each of them in a class of its own. */
export function skipMetadata(reader: ByteReader): void {
  for (let classes = reader.count(CLASS_BYTES + 1); classes > 0; classes -= 1) {
    reader.skip(CLASS_BYTES);
    skipParts(reader);
  }
}

// What stands behind the type bytes of newer servers and of KeyDB:
//
//   Redis 8.6     26   a stream, then what it remembers of its producers
//   Redis 8.8     27   the same, each group with the entries that were given back
//                 28   an array: number · whether an index follows · index · (index · kind · value) …
//   Redis 8.10    30   a hash: one listpack of its values, the number of its template before them
//                 32   a hash: the number of its template · values
//   KeyDB         64   a script that runs periodically: script · 8 bytes · 8 bytes · keys · arguments
//
//   A template is a number and the names of fields. The layouts are those of the loaders of redis/redis and Snapchat/KeyDB.

const STREAM_4 = 26;
const STREAM_5 = 27;
const ARRAY = 28;
const TEMPLATE_LISTPACK = 30;
const TEMPLATE_ARRAY = 32;
const CRON = 64;

/** How a value in an array is written. */
const INTEGER = 1;
const DOUBLE = 2;
const NUMBER_BYTES = 8;
/** No server writes a file with more. */
const MOST_TEMPLATES = 100_000;

/** Values that rump does not decode but can pass over. */
export class ForeignValues {
  readonly #version: number;
  /** How many fields each template has. */
  readonly #templates = new Map<number, number>();

  /** @param version the RDB version of the file */
  constructor(version: number) {
    this.#version = version;
  }

  /** As TYPE says it. @returns undefined if the length of the value cannot be known */
  typeOf(typeByte: number): string | undefined {
    if (this.#isCron(typeByte)) return 'cron';
    if (!isNewerVersion(this.#version) || isOfValkey(this.#version)) return undefined;
    switch (typeByte) {
      case STREAM_4:
      case STREAM_5:
        return 'stream';
      case ARRAY:
        return 'array';
      case TEMPLATE_LISTPACK:
      case TEMPLATE_ARRAY:
        return 'hash';
      default:
        return undefined;
    }
  }

  /** What messages say about the value. */
  formOf(typeByte: number): string {
    if (this.#isCron(typeByte)) return 'it is a script that KeyDB runs by and by';
    return newerForm(typeByte, this.#version);
  }

  /** What the value of one of these types is made of. */
  layoutOf(typeByte: number): Layout {
    switch (typeByte) {
      case STREAM_4:
        return STREAM_4_LAYOUT;
      case STREAM_5:
        return STREAM_5_LAYOUT;
      case ARRAY:
        return ARRAY_LAYOUT;
      case TEMPLATE_LISTPACK:
        return ['string'];
      case TEMPLATE_ARRAY:
        return [{ count: (reader) => this.#fieldsOf(reader), each: ['string'] }];
      default:
        return CRON_LAYOUT;
    }
  }

  /** Passes over a template, which later values refer to. */
  addTemplate(reader: ByteReader): void {
    const start = reader.at;
    const id = reader.length();
    const fields = reader.count(1);
    for (let left = fields; left > 0; left -= 1) reader.skipString();
    if (this.#templates.size >= MOST_TEMPLATES) throw reader.fail('there are too many templates of hashes', start);
    this.#templates.set(id, fields);
  }

  /** KeyDB is as old as Redis 6. */
  #isCron(typeByte: number): boolean {
    return typeByte === CRON && !isNewerVersion(this.#version) && !isOfValkey(this.#version);
  }

  /** Of the template that comes next by its number. */
  #fieldsOf(reader: ByteReader): number {
    const start = reader.at;
    const id = reader.length();
    const fields = this.#templates.get(id);
    if (fields === undefined) throw reader.fail(`there is no template ${id} of hashes before it`, start);
    return fields;
  }
}

function passIndex(reader: ByteReader): true {
  if (reader.length() !== 0) reader.uint64();
  return true;
}

function passItem(reader: ByteReader): true {
  const kind = reader.length();
  if (kind === INTEGER || kind === DOUBLE) reader.skip(NUMBER_BYTES);
  else reader.skipString();
  return true;
}

/** For how long, how many; producers with what they have sent; two figures. */
const PRODUCERS: Layout = [
  passNumber,
  passNumber,
  repeated(2, 'string', repeated(3, 'string', passNumber, passNumber)),
  passNumber,
  passNumber,
];
const STREAM_4_LAYOUT: Layout = [...streamLayout(4), ...PRODUCERS];
const STREAM_5_LAYOUT: Layout = [...streamLayout(5), ...PRODUCERS];
const ARRAY_LAYOUT: Layout = [{ ...repeated(3, passNumber, passItem), head: [passIndex] }];
const CRON_LAYOUT: Layout = ['string', 2 * NUMBER_BYTES, repeated(1, 'string'), repeated(1, 'string')];
