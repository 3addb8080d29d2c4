// Values of modules: the name of the module, and its bytes, which only the module can read. Vector sets are read here too.
import { ByteReader } from './byte-reader.ts';
import { FOOTER_BYTES, PayloadError, typeOf, type Encoding } from './payload.ts';
import type { ModuleValue } from './value.ts';

/** The id has nine characters of six bits each, and ten bits for the module's own version. */
const CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const NAME_LENGTH = 9;
const VERSION_BITS = 10n;
const VERSION_MASK = 0x3ffn;

/** What the value is made of, each behind a number: so it can be passed over by those who lack the module. */
const END = 0;
const SIGNED = 1;
const UNSIGNED = 2;
const FLOAT = 3;
const DOUBLE = 4;
const STRING = 5;

/**
 * Vector sets, which Redis has as a module of its own since 8.0. Their payload is not the same twice: the elements come in
 * another order, with other numbers and links, whenever they were loaded. What they hold is compared instead.
 *
 *   dimensions · elements · quantization and M · flags · (dimensions of the input · matrix)
 *   element      name · (attributes) · vector · how many numbers · number, level, links of each level …, norm and range
 */
const VECTOR_SET = 'vectorset';
const VECTOR_SET_VERSION = 0;
const HAS_MATRIX = 1;
const HAS_ATTRIBUTES = 2;
/** Bytes of the strings of a vector set, once they are decompressed. */
const MOST_UNPACKED = 64 * 1024 * 1024;

export function decodeModule(reader: ByteReader, encoding: Encoding): ModuleValue {
  const start = reader.at;
  const id = reader.uint64();
  // Before 4.0 was released values had no such numbers: where one ends is known only if nothing follows it.
  if (encoding === 'MODULE_PRE_GA') reader.skip(reader.left);
  else skipParts(reader);
  return {
    type: 'module',
    name: moduleNameOf(id),
    encodingVersion: Number(id & VERSION_MASK),
    bytes: reader.bytes.subarray(start, reader.at),
  };
}

/** Passes over what a module wrote, as far as the mark of its end. Module data outside of keys has the same form. */
export function skipParts(reader: ByteReader): void {
  while (!skipPart(reader));
}

/** Passes over one part; whether it was the mark of the end. */
export function skipPart(reader: ByteReader): boolean {
  const start = reader.at;
  const part = reader.length();
  switch (part) {
    case END:
      return true;
    case SIGNED:
    case UNSIGNED:
      reader.uint64();
      return false;
    case FLOAT:
      reader.skip(4);
      return false;
    case DOUBLE:
      reader.skip(8);
      return false;
    case STRING:
      reader.skipString();
      return false;
    default:
      throw reader.fail(`modules write nothing of kind ${part}`, start);
  }
}

/** Whether it can be the type of a module's value, as TYPE names it: no other type has a name that long. */
export function isModuleName(type: string): boolean {
  return type.length === NAME_LENGTH;
}

/** Nine characters. */
export function moduleNameOf(id: bigint): string {
  let name = '';
  let rest = id >> VERSION_BITS;
  for (let i = 0; i < NAME_LENGTH; i += 1) {
    name = CHARACTERS[Number(rest & 0x3fn)]! + name;
    rest >>= 6n;
  }
  return name;
}

/**
 * What TYPE says of a key with this payload, by its first bytes: modules have names of their own.
 * @returns undefined where the payload does not tell
 */
export function typeNameOf(payload: Buffer): string | undefined {
  if (payload.length <= FOOTER_BYTES) return undefined;
  const type = typeOf(payload);
  if (type !== 'module') return type;
  try {
    return moduleNameOf(new ByteReader(payload.subarray(1), 'a value of a module').uint64());
  } catch (error) {
    if (error instanceof PayloadError) return undefined;
    throw error;
  }
}

/** Whether a value may be of the type that is wanted. @param found what is known of it: where that is nothing, it may be any */
export function mayBeOfType(found: string | undefined, wanted: string): boolean {
  return found === undefined || found === wanted;
}

export interface VectorSet {
  readonly dimensions: bigint;
  readonly quantization: bigint;
  readonly matrix: Buffer | undefined;
  readonly elements: readonly VectorElement[];
}

interface VectorElement {
  readonly name: Buffer;
  readonly attributes: Buffer;
  readonly vector: Buffer;
  /** By which the vector is multiplied. */
  readonly scale: bigint;
}

/** @returns undefined if it is not a vector set in the known form */
export function vectorSetIn({ name, encodingVersion, bytes }: ModuleValue): VectorSet | undefined {
  if (name !== VECTOR_SET || encodingVersion !== VECTOR_SET_VERSION) return undefined;
  try {
    return readSet(new PartReader(bytes));
  } catch (error) {
    if (error instanceof PayloadError) return undefined;
    throw error;
  }
}

function readSet(reader: PartReader): VectorSet {
  const dimensions = reader.unsigned();
  const count = reader.unsigned();
  const quantization = reader.unsigned();
  const flags = Number(reader.unsigned());
  if ((flags & ~(HAS_MATRIX | HAS_ATTRIBUTES)) !== 0) throw reader.fail('the flags are unknown');
  let matrix: Buffer | undefined;
  if ((flags & HAS_MATRIX) !== 0) {
    reader.unsigned();
    matrix = reader.string();
  }
  const elements: VectorElement[] = [];
  while (elements.length < count) elements.push(readElement(reader, (flags & HAS_ATTRIBUTES) !== 0));
  reader.end();
  return { dimensions, quantization, matrix, elements };
}

function readElement(reader: PartReader, hasAttributes: boolean): VectorElement {
  const name = reader.string();
  const attributes = hasAttributes ? reader.string() : Buffer.alloc(0);
  const vector = reader.string();
  let scale = 0n;
  // Of the numbers the last one counts: the others say where in the graph it is.
  for (let left = reader.unsigned(); left > 0n; left -= 1n) scale = reader.unsigned();
  return { name, attributes, vector, scale };
}

/** The parts of a value of a module, behind its id. Strings may be packed: of all of them no more is unpacked than is sound. */
class PartReader {
  readonly #reader: ByteReader;
  #left: number;

  constructor(bytes: Buffer) {
    this.#reader = new ByteReader(bytes, 'a vector set');
    this.#left = Math.max(MOST_UNPACKED, 2 * bytes.length);
    this.#reader.uint64();
  }

  unsigned(): bigint {
    this.#demandPart(UNSIGNED);
    return this.#reader.uint64();
  }

  string(): Buffer {
    this.#demandPart(STRING);
    this.#left -= this.#reader.peekStringLength();
    if (this.#left < 0) throw this.fail('its strings are too long');
    return this.#reader.string();
  }

  end(): void {
    this.#demandPart(END);
    if (!this.#reader.isAtEnd) throw this.fail('something follows the last element');
  }

  fail(why: string): PayloadError {
    return this.#reader.fail(why);
  }

  #demandPart(kind: number): void {
    if (this.#reader.length() !== kind) throw this.fail('another part should stand there');
  }
}
