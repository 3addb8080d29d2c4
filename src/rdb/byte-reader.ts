// A cursor over bytes that nobody vouches for: every length is held against what is left before anything is made of it.
import { decimal } from './decimal.ts';
import { decompress, isPossibleLength } from './lzf.ts';
import { PayloadError } from './payload-error.ts';

const LENGTH_32 = 0x80;
const LENGTH_64 = 0x81;
/** The two highest bits, where no length follows but a string in a form of its own. */
const SPECIAL = 0xc0;
const INTEGER_8 = 0xc0;
const INTEGER_16 = 0xc1;
const INTEGER_32 = 0xc2;
const LZF = 0xc3;

export class ByteReader {
  readonly bytes: Buffer;
  readonly #subject: string;
  /** Where these bytes are, if they were packed inside a string: ` of the listpack at byte 12`. */
  readonly #place: string;
  readonly #origin: number | undefined;
  #at = 0;

  /**
   * @param subject what an error says that could not be decoded: `a hash (type 13)`
   * @param place where the bytes were found, behind the name of the byte
   * @param origin the offset that an error gives instead of its own
   */
  constructor(bytes: Buffer, subject: string, place = '', origin?: number) {
    this.bytes = bytes;
    this.#subject = subject;
    this.#place = place;
    this.#origin = origin;
  }

  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.bytes.length - this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at === this.bytes.length;
  }

  /** The error to throw. */
  fail(why: string, at: number = this.#at): PayloadError {
    const message = `Cannot decode ${this.#subject}: ${why}, at byte ${at}${this.#place}`;
    return new PayloadError(message, { offset: this.#origin ?? at });
  }

  byte(): number {
    return this.bytes[this.#take(1)]!;
  }

  skip(length: number): void {
    this.#take(length);
  }

  view(length: number): Buffer {
    const start = this.#take(length);
    return this.bytes.subarray(start, this.#at);
  }

  uint16(): number {
    return this.bytes.readUInt16LE(this.#take(2));
  }

  uint32(): number {
    return this.bytes.readUInt32LE(this.#take(4));
  }

  /** As a number, which is exact for 2^53 ms, that is up to the year 287396. */
  milliseconds(): number {
    const start = this.#take(8);
    return this.bytes.readInt32LE(start + 4) * 0x1_0000_0000 + this.bytes.readUInt32LE(start);
  }

  double(): number {
    return this.bytes.readDoubleLE(this.#take(8));
  }

  uint64BigEndian(): bigint {
    return this.bytes.readBigUInt64BE(this.#take(8));
  }

  /** An RDB length. */
  length(): number {
    const start = this.#at;
    const first = this.byte();
    if (first < 0x40) return first;
    if (first < 0x80) return ((first & 0x3f) << 8) | this.byte();
    if (first === LENGTH_32) return this.bytes.readUInt32BE(this.#take(4));
    if (first !== LENGTH_64) throw this.fail('no length begins with this byte', start);
    const length = Number(this.uint64BigEndian());
    if (!Number.isSafeInteger(length)) throw this.fail('the number is too large', start);
    return length;
  }

  /** An RDB length that is a number of 64 bits rather than the size of anything. */
  uint64(): bigint {
    if (this.bytes[this.#at] !== LENGTH_64) return BigInt(this.length());
    this.#at += 1;
    return this.uint64BigEndian();
  }

  /** How many things follow, each of so many bytes at least. */
  count(leastBytes: number): number {
    const start = this.#at;
    const count = this.length();
    if (count * leastBytes > this.left) throw this.fail(`${count} elements cannot fit into what is left`, start);
    return count;
  }

  /** A view, unless it was compressed or is an integer. */
  string(): Buffer {
    const first = this.bytes[this.#at] ?? 0;
    if (first < SPECIAL) return this.view(this.length());
    this.#at += 1;
    switch (first) {
      case INTEGER_8:
        return decimal(this.bytes.readInt8(this.#take(1)));
      case INTEGER_16:
        return decimal(this.bytes.readInt16LE(this.#take(2)));
      case INTEGER_32:
        return decimal(this.bytes.readInt32LE(this.#take(4)));
      case LZF:
        return this.#compressed(this.#at - 1);
      default:
        throw this.fail('no string begins with this byte', this.#at - 1);
    }
  }

  /** As `string`, in views of so many bytes at most; what was compressed is decompressed as a whole. */
  *stringPieces(bytes: number): Generator<Buffer> {
    const isPlain = (this.bytes[this.#at] ?? 0) < SPECIAL;
    const whole = isPlain ? undefined : this.string();
    const length = whole?.length ?? this.length();
    let at = 0;
    do {
      const end = Math.min(length, at + bytes);
      yield whole?.subarray(at, end) ?? this.view(end - at);
      at = end;
    } while (at < length);
  }

  /** How many bytes the string has that is next, once it is decompressed; the reader stays where it is. */
  peekStringLength(): number {
    const start = this.#at;
    const first = this.bytes[start] ?? 0;
    let length = 1;
    if (first < SPECIAL) length = this.length();
    else if (first === LZF) {
      this.#at += 1;
      this.length();
      length = this.length();
    }
    this.#at = start;
    return length;
  }

  skipString(): void {
    const first = this.bytes[this.#at] ?? 0;
    if (first < SPECIAL) return this.skip(this.length());
    this.#at += 1;
    if (first <= INTEGER_32) return this.skip(2 ** (first - INTEGER_8));
    if (first !== LZF) throw this.fail('no string begins with this byte', this.#at - 1);
    const compressed = this.length();
    this.length();
    this.skip(compressed);
  }

  /** A string that holds packed elements, to be read by itself. */
  packed(name: string): ByteReader {
    const start = this.#at;
    return new ByteReader(this.string(), this.#subject, ` of the ${name} at byte ${start}`, start);
  }

  #compressed(start: number): Buffer {
    const compressed = this.length();
    const length = this.length();
    if (!isPossibleLength(compressed, length)) throw this.fail('no compression is that good', start);
    const string = decompress(this.view(compressed), length);
    if (string === undefined) throw this.fail('the compressed string is damaged', start);
    return string;
  }

  /** @returns where the bytes start */
  #take(length: number): number {
    const start = this.#at;
    if (length > this.bytes.length - start) throw this.fail(`the bytes end ${length - this.left} too early`);
    this.#at = start + length;
    return start;
  }
}
