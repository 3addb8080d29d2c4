// Encodes values as payloads for a server of any RDB version, in the plain encodings that even old servers read. A payload
// that is at hand is changed no more than it has to be.

import { formatBytes } from '../../resp/figures.ts';
import { ByteWriter, ListpackWriter } from './byte-writer.ts';
import { decodePayload } from './decode.ts';
import { minus, NEVER, sooner, type Milliseconds } from './milliseconds.ts';
import {
  isOfValkey,
  lastCommonTypeByte,
  leastVersionOf,
  PayloadError,
  PLAIN_TYPE_BYTES,
  versionOf,
  withFooter,
  withVersion,
} from './payload.ts';
import { hasNarrowSizes, unpackedSize } from './skip.ts';
import {
  ID_BYTES,
  ZERO_ID,
  type HashValue,
  type StreamEntry,
  type StreamGroup,
  type StreamId,
  type StreamValue,
  type Value,
} from './value.ts';

/** Doubles in scores, and modules: Redis 4.0. */
const VERSION_4_0 = 8;
/** Streams: Redis 5.0. */
const VERSION_5_0 = 9;
/** Fields that expire: Redis 7.4. Valkey 9.0 has them in a form of its own. */
const VERSION_7_4 = 12;

/** Type bytes of hashes whose fields expire. */
const HASH_OF_VALKEY = 22;
const HASH_OF_REDIS = 24;
/** Type bytes of streams; their versions are those of Redis 5.0, 7.0 and 7.2. */
const STREAM = 15;
const STREAM_WITH_FIGURES = 19;
const STREAM_WITH_ACTIVE_TIMES = 21;
/** Of a node of a stream; the defaults of servers. */
const NODE_ENTRIES = 100;
const NODE_BYTES = 4096;
/** A flag of an entry: it has the fields of the first one of its node. */
const SAME_FIELDS = 2;

/**
 * @param version the RDB version of the server that will read it. Redict 7.3 has the 12 of Redis 7.4 but does not know fields
 *   that expire: see `fieldExpiry` in commands.ts
 * @throws PayloadError for values that payloads of that version, or payloads at all, cannot hold
 */
export function encodePayload(value: Value, version: number): Buffer {
  const writer = new ByteWriter();
  writeValue(writer, value, version);
  return withFooter(writer.written, version);
}

function writeValue(writer: ByteWriter, value: Value, version: number): void {
  if (version < VERSION_4_0) throw unwritable(value, version);
  switch (value.type) {
    case 'list':
      return writeStrings(writer, PLAIN_TYPE_BYTES.list, value.items, value);
    case 'set':
      return writeStrings(writer, PLAIN_TYPE_BYTES.set, value.members, value);
    case 'zset':
      writer.byte(PLAIN_TYPE_BYTES.zset);
      writer.length(someOf(value.entries.length, value));
      for (const { member, score } of value.entries) {
        writer.string(member);
        writer.double(score);
      }
      return;
    case 'hash':
      return writeHash(writer, value, version);
    case 'stream':
      if (version < VERSION_5_0) throw unwritable(value, version);
      return encodeStream(writer, value, version);
    case 'module':
      writer.byte(PLAIN_TYPE_BYTES.module);
      return writer.raw(value.bytes);
    default:
      writer.byte(PLAIN_TYPE_BYTES.string);
      return writer.string(value.value);
  }
}

function writeStrings(writer: ByteWriter, typeByte: number, strings: readonly Buffer[], value: Value): void {
  writer.byte(typeByte);
  writer.length(someOf(strings.length, value));
  for (const string of strings) writer.string(string);
}

function writeHash(writer: ByteWriter, value: HashValue, version: number): void {
  const expires = value.fields.some(({ expireAt }) => expireAt !== NEVER);
  if (expires && version < VERSION_7_4) throw unwritable(value, version);
  const isForValkey = expires && isOfValkey(version);
  const isForRedis = expires && !isForValkey;
  const soonest = value.fields.reduce(
    (least: Milliseconds, { expireAt }) => (expireAt === NEVER ? least : sooner(least, expireAt)),
    Infinity,
  );
  writer.byte(isForRedis ? HASH_OF_REDIS : isForValkey ? HASH_OF_VALKEY : PLAIN_TYPE_BYTES.hash);
  if (isForRedis) writer.milliseconds(soonest);
  writer.length(someOf(value.fields.length, value));
  for (const { field, value: content, expireAt } of value.fields) {
    if (isForRedis) writer.length(expireAt === NEVER ? 0 : minus(expireAt, minus(soonest, 1)));
    writer.string(field);
    writer.string(content);
    if (isForValkey) writer.milliseconds(expireAt);
  }
}

/** Empty keys do not exist: RESTORE would refuse one with a vaguer error. */
function someOf(count: number, { type }: Value): number {
  if (count > 0) return count;
  throw new PayloadError(`Cannot encode a ${type}: it is empty`);
}

function unwritable({ type }: Value, version: number): PayloadError {
  return new PayloadError(`Cannot encode a ${type}: payloads of RDB version ${version} hold no such value`);
}

/** As decode-stream.ts draws it: nodes of entries, figures as far as the version knows them, groups. */
function encodeStream(writer: ByteWriter, value: StreamValue, version: number): void {
  const typeByte = version < 10 ? STREAM : version < 11 ? STREAM_WITH_FIGURES : STREAM_WITH_ACTIVE_TIMES;
  const { entries, length, lastId, firstId, maxDeletedId, entriesAdded, groups } = value;
  writer.byte(typeByte);
  const nodes = nodesOf(entries);
  writer.length(nodes.length);
  for (const node of nodes) writeNode(writer, node);
  writer.length(length);
  writeId(writer, lastId);
  if (typeByte !== STREAM) {
    writeId(writer, firstId);
    // The values that servers themselves take for old payloads.
    writeId(writer, maxDeletedId ?? ZERO_ID);
    writer.length(entriesAdded ?? length);
  }
  writer.length(groups.length);
  for (const group of groups) writeGroup(writer, group, typeByte);
}

function nodesOf(entries: readonly StreamEntry[]): StreamEntry[][] {
  const nodes: StreamEntry[][] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = entry.fields.reduce((sum, { length }) => sum + length, 0);
    const node = nodes.at(-1);
    if (node === undefined || node.length === NODE_ENTRIES || bytes + size > NODE_BYTES) {
      nodes.push([entry]);
      bytes = size;
    } else {
      node.push(entry);
      bytes += size;
    }
  }
  return nodes;
}

function writeNode(writer: ByteWriter, node: readonly StreamEntry[]): void {
  const [first] = node;
  const { id, fields } = first!;
  const names = fields.filter((_, index) => index % 2 === 0);
  const elements = new ListpackWriter();
  elements.integer(node.length);
  elements.integer(0);
  elements.integer(names.length);
  for (const name of names) elements.string(name);
  elements.integer(0);
  for (const entry of node) writeEntry(elements, entry, id, names);
  if (elements.isDisputed) {
    throw new PayloadError('Cannot encode a stream: it has an entry whose size servers write in two ways');
  }
  writer.length(ID_BYTES);
  writeRawId(writer, id);
  writer.string(elements.end());
}

function writeEntry(
  elements: ListpackWriter,
  { id, fields }: StreamEntry,
  first: StreamId,
  names: readonly Buffer[],
): void {
  const isUsual = fields.length === names.length * 2 && names.every((name, index) => name.equals(fields[index * 2]!));
  elements.integer(isUsual ? SAME_FIELDS : 0);
  elements.integer(BigInt.asIntN(64, id.ms - first.ms));
  elements.integer(BigInt.asIntN(64, id.seq - first.seq));
  if (!isUsual) elements.integer(fields.length / 2);
  for (const [index, field] of fields.entries()) if (!isUsual || index % 2 === 1) elements.string(field);
  // The number of elements, for reading backwards.
  elements.integer(isUsual ? names.length + 3 : fields.length + 4);
}

function writeGroup(writer: ByteWriter, group: StreamGroup, typeByte: number): void {
  writer.string(group.name);
  writeId(writer, group.lastId);
  if (typeByte !== STREAM) writer.length(BigInt.asUintN(64, group.entriesRead ?? -1n));
  writer.length(group.pending.length);
  for (const { id, deliveryTime, deliveryCount } of group.pending) {
    writeRawId(writer, id);
    writer.milliseconds(deliveryTime);
    writer.length(deliveryCount);
  }
  const ids = new Map<string, StreamId[]>(group.consumers.map(({ name }) => [name.toString('latin1'), []]));
  for (const { id, consumer } of group.pending) ids.get(consumer.toString('latin1'))?.push(id);
  writer.length(group.consumers.length);
  for (const { name, seenTime, activeTime } of group.consumers) {
    writer.string(name);
    writer.milliseconds(seenTime);
    if (typeByte === STREAM_WITH_ACTIVE_TIMES) writer.milliseconds(activeTime ?? seenTime);
    const own = ids.get(name.toString('latin1'))!;
    writer.length(own.length);
    for (const id of own) writeRawId(writer, id);
  }
}

/** RDB versions from here on are of Redis alone, up to where those of Valkey begin; lower ones are of both. */
const FIRST_REDIS_VERSION = 12;

/**
 * Changes no more than is needed. A server shows the same for the new payload as for the original, except for figures that
 * its version does not have.
 * @param version the RDB version of the server that will read it
 * @param mostBytes of memory that a value may take if it has to be decoded
 * @returns undefined if it takes more, or if no payload of that version can hold it; commands may still write it
 */
export function payloadIfAny(payload: Buffer, version: number, mostBytes: number): Buffer | undefined {
  try {
    return isReadBy(version, payload) ? payload : anotherPayload(payload, version, mostBytes);
  } catch (error) {
    if (error instanceof PayloadError) return undefined;
    throw error;
  }
}

/** @throws PayloadError */
function anotherPayload(payload: Buffer, version: number, mostBytes: number): Buffer {
  const typeByte = payload[0]!;
  const isKnown = typeByte <= lastCommonTypeByte && leastVersionOf(typeByte) <= version;
  // The writer is newer than the reader, which may crash on such sizes.
  if (isKnown && !hasNarrowSizes(payload, mostBytes)) return withVersion(payload, version);
  const size = unpackedSize(payload);
  if (size > mostBytes) throw new PayloadError(`Cannot encode a value anew of ${formatBytes(size)}: it is too large`);
  return encodePayload(decodePayload(payload), version);
}

/** Whether a server of that RDB version reads the payload as it is. */
export function isReadBy(version: number, payload: Buffer): boolean {
  const written = versionOf(payload);
  if (written >= version) return written === version;
  return familyOf(written) !== 'redis' || familyOf(version) === 'redis';
}

type Family = 'common' | 'redis' | 'valkey';

function familyOf(version: number): Family {
  if (version < FIRST_REDIS_VERSION) return 'common';
  return isOfValkey(version) ? 'valkey' : 'redis';
}

function writeRawId(writer: ByteWriter, { ms, seq }: StreamId): void {
  writer.uint64BigEndian(ms);
  writer.uint64BigEndian(seq);
}

function writeId(writer: ByteWriter, { ms, seq }: StreamId): void {
  writer.length(ms);
  writer.length(seq);
}
