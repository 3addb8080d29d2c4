// Reads primitives out of bytes that cannot be trusted: every length is checked against what is left before memory is taken.
// It sees one window of the bytes: all of a payload, or a part of a file (file-reader.ts).
import { countOf, formatCount } from '../../resp/figures.ts';
import { LONGEST_STRING } from '../../resp/reply.ts';
import { decimal, View } from './byte-strings.ts';
import { decompress, decompressHead, decompressPieces, isPossibleLength, mostLength } from './lzf.ts';
import { milliseconds, type Milliseconds } from './milliseconds.ts';
import { PayloadError } from './payload.ts';

const LENGTH_32 = 0x80;
const LENGTH_64 = 0x81;
/** The two highest bits of a string that is an integer or compressed. */
export const SPECIAL = 0xc0;
const INTEGER_8 = 0xc0;
const INTEGER_16 = 0xc1;
const INTEGER_32 = 0xc2;
const LZF = 0xc3;
/** Numbers are exact as long as their upper 32 bits are below this. */
const MOST_HIGH = 2 ** 21;
/** Bytes before the content of a string: two lengths and a mark. */
const MOST_HEAD = 19;
/** So many compressed bytes are enough for the head of a string. */
const HEAD_BYTES = 64;

/** What takes a byte string where it lies: it holds until the call returns. */
export interface ByteSink {
  bytes(from: Buffer, start?: number, end?: number): void;
}

export class ByteReader {
  #bytes: Buffer;
  /** The same bytes, for views. */
  #memory: ArrayBufferLike;
  #offset: number;
  /** For doubles, made with the first one: readDoubleLE() goes byte by byte. */
  #numbers: DataView | undefined;
  /** Bytes that precede the window. */
  #before = 0;
  readonly #subject: string;
  /** Where these bytes are, if they were packed inside a string: ` of the listpack at byte 12`. */
  readonly #place: string;
  readonly #origin: number | undefined;
  /** In the window. */
  #at = 0;
  /** Longest string in bytes, decompressed; a longer one is refused. */
  mostUnpacked = LONGEST_STRING;
  /** So many bytes longer the strings that were passed over would be if they were decompressed. */
  unpackedGain = 0;
  /** All elements so far that counts have announced. */
  counted = 0;

  /**
   * @param subject what errors call the value: `a hash (type 13)`
   * @param place where the bytes were found, for errors
   * @param origin the offset that errors give, if it is not their own
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

  /** Goes back to what was passed over, as far as the window reaches; or on, beyond its end. */
  moveTo(at: number): void {
    this.#at = at - this.#before;
  }

  byte(): number {
    const start = this.take(1);
    return this.#bytes[start]!;
  }

  skip(length: number): void {
    if (length > this.#bytes.length - this.#at) this.pass(length);
    else this.#at += length;
  }

  view(length: number): Buffer {
    const start = this.take(length);
    return new View(this.#memory, this.#offset + start, length);
  }

  uint16(): number {
    const start = this.take(2);
    return this.#bytes.readUInt16LE(start);
  }

  uint32(): number {
    const start = this.take(4);
    return this.#bytes.readUInt32LE(start);
  }

  int32(): number {
    const start = this.take(4);
    return this.#bytes.readInt32LE(start);
  }

  milliseconds(): Milliseconds {
    const start = this.take(8);
    const high = this.#bytes.readInt32LE(start + 4);
    if (high >= MOST_HIGH || high < -MOST_HIGH) return milliseconds(this.#bytes.readBigInt64LE(start));
    return high * 0x1_0000_0000 + this.#bytes.readUInt32LE(start);
  }

  double(): number {
    const start = this.take(8);
    this.#numbers ??= new DataView(this.#memory, this.#offset, this.#bytes.length);
    return this.#numbers.getFloat64(start, true);
  }

  uint64BigEndian(): bigint {
    const start = this.take(8);
    return this.#bytes.readBigUInt64BE(start);
  }

  /** An RDB length. */
  length(): number {
    const start = this.at;
    const first = this.byte();
    if (first < 0x40) return first;
    if (first < 0x80) return ((first & 0x3f) << 8) | this.byte();
    if (first === LENGTH_32) {
      const at = this.take(4);
      return this.#bytes.readUInt32BE(at);
    }
    if (first !== LENGTH_64) throw this.fail('no length begins with this byte', start);
    const length = Number(this.uint64BigEndian());
    if (!Number.isSafeInteger(length)) throw this.fail('the number is too large', start);
    return length;
  }

  /** An RDB length that is any number of 64 bits, not a size. */
  uint64(): bigint {
    if (this.peek() !== LENGTH_64) return BigInt(this.length());
    this.#at += 1;
    return this.uint64BigEndian();
  }

  /** The number of elements that follow. @param leastBytes of the shortest one: more than fit are refused */
  count(leastBytes: number): number {
    const start = this.at;
    const count = this.length();
    if (count * leastBytes > this.left) throw this.fail(`${countOf(count, 'element')} cannot fit in there`, start);
    this.counted += count;
    return count;
  }

  /** A view, unless it was compressed or is an integer. */
  string(): Buffer {
    const first = this.peek();
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

  /** The same without an object for it, where it can be had so. */
  stringTo(sink: ByteSink): void {
    if (this.peek() >= SPECIAL) return sink.bytes(this.string());
    const length = this.length();
    const start = this.take(length);
    sink.bytes(this.#bytes, start, start + length);
  }

  /** The same in parts of at most so many bytes; a compressed one is decompressed part by part. */
  *stringPieces(bytes: number): Generator<Buffer> {
    const first = this.peek();
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

  /** Bytes of the next string, decompressed; the reader stays where it is. */
  peekStringLength(): number {
    this.gather(Math.min(this.left, MOST_HEAD));
    const start = this.#at;
    const first = this.peek();
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

  /** The first few bytes of the next string, decompressed; the reader stays where it is. */
  peekString(bytes: number): Buffer {
    this.gather(Math.min(this.left, MOST_HEAD + HEAD_BYTES));
    const start = this.#at;
    const first = this.peek();
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
    const first = this.peek();
    if (first < SPECIAL) return this.skip(this.length());
    this.#at += 1;
    if (first <= INTEGER_32) return this.skip(2 ** (first - INTEGER_8));
    if (first !== LZF) throw this.fail('no string begins with this byte', this.at - 1);
    const compressed = this.length();
    this.unpackedGain += Math.max(0, Math.min(this.length(), mostLength(compressed)) - compressed);
    this.skip(compressed);
  }

  /** A reader of the next string, which holds packed elements. */
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

  /** Passes over so many bytes. @returns where they start in the window */
  protected take(length: number): number {
    if (length > this.#bytes.length - this.#at) this.more(length);
    const start = this.#at;
    this.#at = start + length;
    return start;
  }

  /** The next byte; 0 at the end. */
  protected peek(): number {
    this.gather(Math.min(this.left, 1));
    return this.#bytes[this.#at] ?? 0;
  }

  /** Bytes that precede the window. */
  protected get before(): number {
    return this.#before;
  }

  /** Brings so many bytes into the window. */
  protected gather(length: number): void {
    if (length > this.#bytes.length - this.#at) this.more(length);
  }

  /** Called when so many bytes are needed and the window does not hold them. Views stay valid. */
  protected more(length: number): void {
    throw this.endsEarly(length);
  }

  /** Called when so many bytes are to be skipped and the window does not hold them. */
  protected pass(length: number): void {
    throw this.endsEarly(length);
  }

  /** Sets another window, which begins `before` bytes from the start; its first byte is the next one. */
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
