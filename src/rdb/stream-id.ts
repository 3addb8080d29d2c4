// Ids of stream entries: as payloads hold them in two ways, as commands take them, and their order.
import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import type { StreamId } from './value.ts';

export const ZERO_ID: StreamId = { ms: 0n, seq: 0n };
/** Of a raw one. */
export const ID_BYTES = 16;

/** Eight bytes each, the highest first: the bytes have the order of the ids. */
export function readRawId(reader: ByteReader): StreamId {
  return { ms: reader.uint64BigEndian(), seq: reader.uint64BigEndian() };
}

export function writeRawId(writer: ByteWriter, { ms, seq }: StreamId): void {
  writer.uint64BigEndian(ms);
  writer.uint64BigEndian(seq);
}

export function readId(reader: ByteReader): StreamId {
  return { ms: reader.uint64(), seq: reader.uint64() };
}

export function writeId(writer: ByteWriter, { ms, seq }: StreamId): void {
  writer.length(ms);
  writer.length(seq);
}

export function formatId({ ms, seq }: StreamId): string {
  return `${ms}-${seq}`;
}

/** As servers write it: `1526919030474-55`. */
export function parseId(text: string): StreamId {
  const [ms = '0', seq = '0'] = text.split('-');
  return { ms: BigInt(ms), seq: BigInt(seq) };
}

/** Below 0, 0, or above, as `left` is below, the same as, or above `right`. */
export function compareIds(left: StreamId, right: StreamId): number {
  if (left.ms !== right.ms) return left.ms < right.ms ? -1 : 1;
  if (left.seq !== right.seq) return left.seq < right.seq ? -1 : 1;
  return 0;
}
