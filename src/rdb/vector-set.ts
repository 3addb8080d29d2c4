// Vector sets, which Redis has as a module of its own since 8.0. Their payload is not the same twice: the elements come in
// another order, with other numbers and links, whenever they were loaded. What they hold is compared instead.
//
//   dimensions · elements · quantization and M · flags · (dimensions of the input · matrix)
//   element      name · (attributes) · vector · how many numbers · number, level, links of each level …, norm and range
import type { ModuleValue } from './value.ts';
import { ByteReader } from './byte-reader.ts';
import { pairedOff } from './paired-off.ts';
import { PayloadError } from './payload-error.ts';

const NAME = 'vectorset';
const ENCODING_VERSION = 0;
/** What stands before a part of a value, and says of which kind it is. */
const END = 0;
const UNSIGNED = 2;
const STRING = 5;
/** Bytes. */
const MOST_UNPACKED = 64 * 1024 * 1024;
const HAS_MATRIX = 1;
const HAS_ATTRIBUTES = 2;

interface VectorSet {
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

/**
 * What differs in a word or two, which is `undefined` where nothing does.
 * @returns undefined where they are no vector sets as they are known here
 */
export function vectorSetDifference(left: ModuleValue, right: ModuleValue): { difference?: string } | undefined {
  const sets = [vectorSetIn(left), vectorSetIn(right)];
  const [one, other] = sets;
  if (one === undefined || other === undefined) return undefined;
  if (one.dimensions !== other.dimensions) return { difference: 'dimensions' };
  if (one.elements.length !== other.elements.length) return { difference: 'size' };
  if (one.quantization !== other.quantization || !isSame(one.matrix, other.matrix))
    return { difference: 'quantization' };
  const pairs = pairedOff(one.elements, other.elements, ({ name }) => name);
  if (pairs === undefined) return { difference: 'members' };
  if (!pairs.every(([left, right]) => left.vector.equals(right.vector) && left.scale === right.scale)) {
    return { difference: 'vectors' };
  }
  return pairs.every(([left, right]) => left.attributes.equals(right.attributes)) ? {} : { difference: 'attributes' };
}

function isSame(left: Buffer | undefined, right: Buffer | undefined): boolean {
  return left === undefined || right === undefined ? left === right : left.equals(right);
}

function vectorSetIn({ name, encodingVersion, bytes }: ModuleValue): VectorSet | undefined {
  if (name !== NAME || encodingVersion !== ENCODING_VERSION) return undefined;
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
