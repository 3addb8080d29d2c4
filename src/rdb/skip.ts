// Passes over a value without decoding it: finds where it ends, how large it is once decoded, and the listpacks in it.
import { ByteReader } from './byte-reader.ts';
import { demandEncoding } from './decode.ts';
import { skipPart } from './modules.ts';
import { Listpack } from './packed-forms.ts';
import { bodyOf, versionOf, type Encoding } from './payload.ts';
import { ID_BYTES } from './value.ts';

/** What holds several elements in one string. */
type Packing = 'listpack' | 'ziplist' | 'intset' | 'zipmap';

/** Must leave the reader behind the string that it finds there. */
type SkipPacked = (reader: ByteReader, packing: Packing) => void;

/** Passes over something. False: once more, there is more of it. */
type Pass = (reader: ByteReader, skipPacked: SkipPacked) => boolean;

/** What follows so many times. `head` stands between the count and the first of them. */
interface Repeated {
  readonly count: (reader: ByteReader) => number;
  readonly head?: Layout;
  readonly each: Layout;
}

/** A string, or so many bytes, or something else. */
type Step = 'string' | Packing | number | Pass | Repeated;

/** What a value is made of, one after the other. */
export type Layout = readonly Step[];

const PACKED = 2;
const TIME_BYTES = 8;
const DOUBLE_BYTES = 8;
/** Length bytes from here on stand for scores that have no text. */
const FIRST_NAMED_SCORE = 253;

/** What an element takes beside its bytes: a view, and its place in an array. */
const ELEMENT_BYTES = 100;
/** Enough of a packed string for the number of its elements. */
const HEAD_BYTES = 10;
const LISTPACK_COUNT = 4;
const ZIPLIST_COUNT = 8;
const INTSET_COUNT = 4;
/** With that many elements or more the header does not know. */
const UNCOUNTED = 0xffff;
const MANY_FIELDS = 254;
/** The shortest element of a packed string. */
const LEAST_BYTES = 2;
/** A listpack that is smaller holds no element whose size has two forms. */
const LEAST_LARGE_BYTES = 0x3fff;

/** @param leastBytes of what is repeated */
export function repeated(leastBytes: number, ...each: Layout): Repeated {
  return { count: (reader) => reader.count(leastBytes), each };
}

function passLength(reader: ByteReader): true {
  reader.length();
  return true;
}

export function passNumber(reader: ByteReader): true {
  reader.uint64();
  return true;
}

function passScore(reader: ByteReader): true {
  const length = reader.byte();
  if (length < FIRST_NAMED_SCORE) reader.skip(length);
  return true;
}

function passListNode(reader: ByteReader, skipPacked: SkipPacked): true {
  if (reader.length() === PACKED) skipPacked(reader, 'listpack');
  else reader.skipString();
  return true;
}

function passRest(reader: ByteReader): true {
  reader.skip(reader.left);
  return true;
}

const EXPIRING = repeated(3, passLength, 'string', 'string');
const STREAM_NODES: Layout = [repeated(2, 'string', 'listpack')];

/** By the RDB type, from the first `STREAM_LISTPACKS` on; what 4 and later have behind the groups is left. */
export function streamLayout(form: 1 | 2 | 3 | 4 | 5): Layout {
  // Entries, the last id; the first id, the highest deleted id, entries added.
  const figures = Array.from({ length: form >= 2 ? 8 : 3 }, () => passNumber);
  const position = Array.from({ length: form >= 2 ? 3 : 2 }, () => passNumber);
  const ids: Repeated = repeated(ID_BYTES, ID_BYTES);
  const pending = repeated(ID_BYTES + TIME_BYTES + 1, ID_BYTES + TIME_BYTES, passLength);
  const consumers = repeated(1, 'string', form >= 3 ? 2 * TIME_BYTES : TIME_BYTES, ids);
  // Entries that were given back, and are nobody's now.
  const givenBack = form >= 5 ? [ids] : [];
  return [...STREAM_NODES, ...figures, repeated(1, 'string', ...position, pending, consumers, ...givenBack)];
}

const LAYOUTS: Readonly<Record<Encoding, Layout>> = {
  STRING: ['string'],
  LIST: [repeated(1, 'string')],
  LIST_QUICKLIST: [repeated(1, 'ziplist')],
  LIST_QUICKLIST_2: [repeated(2, passListNode)],
  LIST_ZIPLIST: ['ziplist'],
  SET: [repeated(1, 'string')],
  SET_INTSET: ['intset'],
  SET_LISTPACK: ['listpack'],
  ZSET: [repeated(2, 'string', passScore)],
  ZSET_2: [repeated(1 + DOUBLE_BYTES, 'string', DOUBLE_BYTES)],
  ZSET_ZIPLIST: ['ziplist'],
  ZSET_LISTPACK: ['listpack'],
  HASH: [repeated(2, 'string', 'string')],
  HASH_2: [repeated(2 + TIME_BYTES, 'string', 'string', TIME_BYTES)],
  HASH_ZIPMAP: ['zipmap'],
  HASH_ZIPLIST: ['ziplist'],
  HASH_LISTPACK: ['listpack'],
  HASH_METADATA: [TIME_BYTES, EXPIRING],
  HASH_METADATA_PRE_GA: [EXPIRING],
  HASH_LISTPACK_EX: [TIME_BYTES, 'listpack'],
  HASH_LISTPACK_EX_PRE_GA: ['listpack'],
  STREAM_LISTPACKS: streamLayout(1),
  STREAM_LISTPACKS_2: streamLayout(2),
  STREAM_LISTPACKS_3: streamLayout(3),
  MODULE_2: [passNumber, skipPart],
  MODULE_PRE_GA: [passRest],
};

/**
 * Of what stands in a DUMP payload between type byte and footer.
 * @throws PayloadError for type bytes that no known server writes in that RDB version
 */
export function layoutOf(typeByte: number, version: number): Layout {
  return LAYOUTS[demandEncoding(typeByte, version)];
}

/** Whether that is all: a string, or a packed one. */
export function isString(layout: Layout): boolean {
  return layout.length === 1 && typeof layout[0] === 'string';
}

/**
 * Passes over what has a layout, step by step. Where a step cannot be done, since its bytes have yet to come, it throws, and goes
 * on with that step when it is called again: the reader has to stand at `at` then.
 */
export class Skipper {
  /** Where the step that is under way begins; behind the last one, the end. */
  at = 0;
  // A stack: the layouts under way, from the outermost; which step is next; how many times there are yet.
  readonly #layouts: Layout[] = [];
  readonly #next: number[] = [];
  readonly #left: number[] = [];
  #depth = 0;

  begin(layout: Layout): this {
    this.#depth = 0;
    this.#enter(layout, 1);
    return this;
  }

  /** @throws PayloadError */
  run(reader: ByteReader, skipPacked: SkipPacked = skipString): void {
    while (this.#depth > 0) {
      const top = this.#depth - 1;
      const layout = this.#layouts[top]!;
      const next = this.#next[top]!;
      if (next === layout.length) {
        if (--this.#left[top]! === 0) this.#depth = top;
        else this.#next[top] = 0;
        continue;
      }
      this.at = reader.at;
      const step = layout[next]!;
      if (step === 'string') reader.skipString();
      else if (typeof step === 'number') reader.skip(step);
      else if (typeof step === 'string') skipPacked(reader, step);
      else if (typeof step === 'object') {
        this.#repeat(step, reader, top);
        continue;
      } else if (!step(reader, skipPacked)) continue;
      this.#next[top] = next + 1;
    }
    this.at = reader.at;
  }

  #repeat({ count, head, each }: Repeated, reader: ByteReader, top: number): void {
    const times = count(reader);
    this.#next[top]!++;
    if (times > 0) this.#enter(each, times);
    if (head !== undefined) this.#enter(head, 1);
  }

  #enter(layout: Layout, times: number): void {
    const top = this.#depth++;
    this.#layouts[top] = layout;
    this.#next[top] = 0;
    this.#left[top] = times;
  }
}

/** The entries of a stream. */
export function skipNodes(reader: ByteReader): void {
  new Skipper().begin(STREAM_NODES).run(reader);
}

function skipString(reader: ByteReader): void {
  reader.skipString();
}

/**
 * What a value takes in memory once it is decoded, in bytes, about: compression hides how much. Lengths that lie count as
 * far as they can be true.
 * @throws PayloadError
 */
export function unpackedSize(payload: Buffer): number {
  const { reader, encoding } = opened(payload);
  const { length } = reader.bytes;
  let packed = 0;
  new Skipper().begin(LAYOUTS[encoding]).run(reader, (reader, packing) => {
    packed += countIn(reader, packing);
    reader.skipString();
  });
  return length + reader.unpackedGain + (reader.counted + packed) * ELEMENT_BYTES;
}

/** Behind the type byte; the checksum is not looked at. */
export function opened(payload: Buffer): { readonly reader: ByteReader; readonly encoding: Encoding } {
  const typeByte = payload[0] ?? 0;
  const encoding = demandEncoding(typeByte, versionOf(payload));
  const reader = new ByteReader(bodyOf(payload), `a value of type byte ${typeByte}`);
  reader.skip(1);
  return { reader, encoding };
}

/** Elements of a packed string, as its header says; decoding finds out where there are more. */
function countIn(reader: ByteReader, packing: Packing): number {
  const most = reader.peekStringLength() / LEAST_BYTES;
  const head = reader.peekString(HEAD_BYTES);
  if (head.length < HEAD_BYTES) return Math.min(most, HEAD_BYTES);
  switch (packing) {
    case 'listpack':
      return numberOr(head.readUInt16LE(LISTPACK_COUNT), UNCOUNTED, most);
    case 'ziplist':
      return numberOr(head.readUInt16LE(ZIPLIST_COUNT), UNCOUNTED, most);
    case 'intset':
      return Math.min(head.readUInt32LE(INTSET_COUNT), most);
    default:
      return head[0]! < MANY_FIELDS ? head[0]! * 2 : most;
  }
}

function numberOr(count: number, unknown: number, most: number): number {
  return count === unknown ? most : count;
}

/**
 * Behind each element of a listpack stands its size, seven bits a byte. For 16383, 2097151 and 268435455, the highest
 * that two, three and four bytes hold, servers used to take one byte more. Valkey 9.1 and the Redis of its time do not:
 * they refuse the wide form ("Bad data format"), but Redis 8.0 and Valkey 8.1 answer OK to the narrow one, and end with
 * the first command that reads the value. Seen with a stream whose value has 16378 bytes.
 *
 * Whether the payload must not be sent to a server that does not write the narrow form itself, whatever its version; the
 * value has to be written by commands then. Only large listpacks are looked at, and these are rare.
 * @param mostUnpacked bytes of one of them, once it is decompressed
 * @throws PayloadError
 */
export function hasNarrowSizes(payload: Buffer, mostUnpacked: number): boolean {
  const { reader, encoding } = opened(payload);
  reader.mostUnpacked = mostUnpacked;
  let found = false;
  new Skipper().begin(LAYOUTS[encoding]).run(reader, (reader, packing) => {
    if (packing !== 'listpack' || reader.peekStringLength() < LEAST_LARGE_BYTES) return reader.skipString();
    const elements = new Listpack(reader.packed('listpack'));
    while (elements.next()) found ||= elements.hasNarrowSize;
  });
  return found;
}
