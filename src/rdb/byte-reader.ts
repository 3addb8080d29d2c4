// Reads primitives out of bytes that cannot be trusted: every length is checked against what is left before memory is taken.
// It sees one window of the bytes: all of a payload, or a part of a file (file-reader.ts).
import { countOf, formatCount } from '../../resp/figures.ts';
import { LONGEST_STRING } from '../../resp/reply.ts';
import { decimal, View } from './byte-strings.ts';
import { decompress, decompressHead, decompressPieces, isPossibleLength, mostLength } from './lzf.ts';
import { milliseconds, type Milliseconds } from './milliseconds.ts';
import { PayloadError } from './payload-error.ts';

const LENGTH_32 = 0x80;
const LENGTH_64 = 0x81;
/** The two highest bits, where no length follows but a string in a form of its own. */
const SPECIAL = 0xc0;
const INTEGER_8 = 0xc0;
const INTEGER_16 = 0xc1;
const INTEGER_32 = 0xc2;
const LZF = 0xc3;
/** The upper 32 bits from which on a number would not be exact. */
const MOST_HIGH = 2 ** 21;
/** Bytes before the content of a string: two lengths and a mark. */
const MOST_HEAD = 19;
/** Compressed bytes that are enough for the first few of a string. */
const HEAD_BYTES = 64;

export class ByteReader {
  #bytes: Buffer;
  /** The same bytes, for views. */
  #memory: ArrayBufferLike;
  #offset: number;
  /** The same bytes, for doubles, once there is one: readDoubleLE() goes byte by byte. */
  #numbers: DataView | undefined;
  /** Bytes that precede the window. */
  #before = 0;
  readonly #subject: string;
  /** Where these bytes are, if they were packed inside a string: ` of the listpack at byte 12`. */
  readonly #place: string;
  readonly #origin: number | undefined;
  /** In the window. */
  #at = 0;
  /** Bytes of one string, decompressed: a longer one is refused. */
  mostUnpacked = LONGEST_STRING;
  /** Bytes that decompression would add to the strings that were passed over. */
  unpackedGain = 0;
  /** Elements that were counted, of whatever kind. */
  counted = 0;

  /**
   * @param subject what an error says that could not be decoded: `a hash (type 13)`
   * @param place where the bytes were found, behind the name of the byte
   * @param origin the offset that an error gives instead of its own
   */
  constructor(bytes: Buffer, subject: string, place = '', origin?: number) {
    this.#bytes = bytes;
    this.#memory = bytes.buffer;
    this.#offset = bytes.byteOffset;
    this.#subject = subject;
    this.#place = place;
    this.#origin = origin;
  }

  /** The window. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  get at(): number {
    return this.#before + this.#at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  get isAtEnd(): boolean {
    return this.left === 0;
  }

  /** The error to throw. */
  fail(why: string, at: number = this.at): PayloadError {
    const message = `Cannot decode ${this.#subject}: ${why}, at byte ${at}${this.#place}`;
    return new PayloadError(message, { offset: this.#origin ?? at });
  }

  byte(): number {
    const start = this.#take(1);
    return this.#bytes[start]!;
  }

  skip(length: number): void {
    if (length > this.#bytes.length - this.#at) this.pass(length);
    else this.#at += length;
  }

  view(length: number): Buffer {
    const start = this.#take(length);
    return new View(this.#memory, this.#offset + start, length);
  }

  uint16(): number {
    const start = this.#take(2);
    return this.#bytes.readUInt16LE(start);
  }

  uint32(): number {
    const start = this.#take(4);
    return this.#bytes.readUInt32LE(start);
  }

  int32(): number {
    const start = this.#take(4);
    return this.#bytes.readInt32LE(start);
  }

  milliseconds(): Milliseconds {
    const start = this.#take(8);
    const high = this.#bytes.readInt32LE(start + 4);
    if (high >= MOST_HIGH || high < -MOST_HIGH) return milliseconds(this.#bytes.readBigInt64LE(start));
    return high * 0x1_0000_0000 + this.#bytes.readUInt32LE(start);
  }

  double(): number {
    const start = this.#take(8);
    this.#numbers ??= new DataView(this.#memory, this.#offset, this.#bytes.length);
    return this.#numbers.getFloat64(start, true);
  }

  uint64BigEndian(): bigint {
    const start = this.#take(8);
    return this.#bytes.readBigUInt64BE(start);
  }

  /** An RDB length. */
  length(): number {
    const start = this.at;
    const first = this.byte();
    if (first < 0x40) return first;
    if (first < 0x80) return ((first & 0x3f) << 8) | this.byte();
    if (first === LENGTH_32) {
      const at = this.#take(4);
      return this.#bytes.readUInt32BE(at);
    }
    if (first !== LENGTH_64) throw this.fail('no length begins with this byte', start);
    const length = Number(this.uint64BigEndian());
    if (!Number.isSafeInteger(length)) throw this.fail('the number is too large', start);
    return length;
  }

  /** An RDB length that is a number of 64 bits rather than the size of anything. */
  uint64(): bigint {
    if (this.#peek() !== LENGTH_64) return BigInt(this.length());
    this.#at += 1;
    return this.uint64BigEndian();
  }

  /** How many things follow, each of so many bytes at least. */
  count(leastBytes: number): number {
    const start = this.at;
    const count = this.length();
    if (count * leastBytes > this.left) throw this.fail(`${countOf(count, 'element')} cannot fit in there`, start);
    this.counted += count;
    return count;
  }

  /** A view, unless it was compressed or is an integer. */
  string(): Buffer {
    const first = this.#peek();
    if (first < SPECIAL) return this.view(this.length());
    this.#at += 1;
    switch (first) {
      case INTEGER_8:
        return decimal((this.byte() << 24) >> 24);
      case INTEGER_16:
        return decimal((this.uint16() << 16) >> 16);
      case INTEGER_32:
        return decimal(this.int32());
      case LZF:
        return this.#compressed(this.at - 1);
      default:
        throw this.fail('no string begins with this byte', this.at - 1);
    }
  }

  /** As `string`, in parts of so many bytes at most: views, or what was decompressed of it so far. */
  *stringPieces(bytes: number): Generator<Buffer> {
    const first = this.#peek();
    if (first === LZF) {
      yield* this.#compressedPieces(bytes);
      return;
    }
    const whole = first < SPECIAL ? undefined : this.string();
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
    this.gather(Math.min(this.left, MOST_HEAD));
    const start = this.#at;
    const first = this.#peek();
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

  /** The first bytes of the string that is next, once it is decompressed; the reader stays where it is. Few are asked for. */
  peekString(bytes: number): Buffer {
    this.gather(Math.min(this.left, MOST_HEAD + HEAD_BYTES));
    const start = this.#at;
    const first = this.#peek();
    let head: Buffer;
    if (first < SPECIAL) head = this.view(Math.min(bytes, this.length(), this.left));
    else {
      this.#at += 1;
      const compressed = first === LZF ? this.length() : 0;
      if (first === LZF) this.length();
      head = decompressHead(this.view(Math.min(compressed, HEAD_BYTES, this.left)), bytes);
    }
    this.#at = start;
    return head;
  }

  skipString(): void {
    const first = this.#peek();
    if (first < SPECIAL) return this.skip(this.length());
    this.#at += 1;
    if (first <= INTEGER_32) return this.skip(2 ** (first - INTEGER_8));
    if (first !== LZF) throw this.fail('no string begins with this byte', this.at - 1);
    const compressed = this.length();
    this.unpackedGain += Math.max(0, Math.min(this.length(), mostLength(compressed)) - compressed);
    this.skip(compressed);
  }

  /** A string that holds packed elements, to be read by itself. */
  packed(name: string): ByteReader {
    const start = this.at;
    return new ByteReader(this.string(), this.#subject, ` of the ${name} at byte ${start}`, start);
  }

  #compressed(start: number): Buffer {
    const [compressed, length] = this.#compressedLengths(start, this.mostUnpacked);
    const string = decompress(this.view(compressed), length);
    if (string === undefined) throw this.fail('the compressed string is damaged', start);
    return string;
  }

  *#compressedPieces(bytes: number): Generator<Buffer> {
    const start = this.at;
    this.#at += 1;
    const [compressed, length] = this.#compressedLengths(start, LONGEST_STRING);
    if (!(yield* decompressPieces(this.view(compressed), length, bytes))) {
      throw this.fail('the compressed string is damaged', start);
    }
  }

  #compressedLengths(start: number, most: number): [compressed: number, length: number] {
    const compressed = this.length();
    const length = this.length();
    if (!isPossibleLength(compressed, length)) throw this.fail('no compression is that good', start);
    if (length > most) throw this.fail(`${countOf(length, 'byte')} are too many for a string`, start);
    return [compressed, length];
  }

  /** @returns where the bytes start in the window */
  #take(length: number): number {
    if (length > this.#bytes.length - this.#at) this.more(length);
    const start = this.#at;
    this.#at = start + length;
    return start;
  }

  /** The byte that is next; 0 where there is none. */
  #peek(): number {
    this.gather(Math.min(this.left, 1));
    return this.#bytes[this.#at] ?? 0;
  }

  /** Bytes that precede the window. */
  protected get before(): number {
    return this.#before;
  }

  /** So many bytes, of those that are left, have to be in the window. */
  protected gather(length: number): void {
    if (length > this.#bytes.length - this.#at) this.more(length);
  }

  /** Called where so many bytes from here are not in the window, and have to be. Views stay what they are. */
  protected more(length: number): void {
    throw this.endsEarly(length);
  }

  /** Called where so many bytes from here are not in the window, and are to be passed over. */
  protected pass(length: number): void {
    throw this.endsEarly(length);
  }

  /** Another window: it begins `before` bytes from the start, and the next byte is the first of it. */
  protected look(bytes: Buffer, before: number): void {
    this.#bytes = bytes;
    this.#memory = bytes.buffer;
    this.#offset = bytes.byteOffset;
    this.#numbers = undefined;
    this.#before = before;
    this.#at = 0;
  }

  protected endsEarly(length: number): PayloadError {
    return this.fail(`the bytes end ${formatCount(length - this.left)} too early`);
  }
}
