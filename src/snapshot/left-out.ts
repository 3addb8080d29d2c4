// What a snapshot has beside keys that can be copied: it is passed over, counted, and reported by name.

import type { ByteReader } from '../rdb/byte-reader.ts';
import { moduleNameOf, skipParts } from '../rdb/modules.ts';
import { isOfValkey } from '../rdb/payload.ts';

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
