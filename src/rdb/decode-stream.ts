// Streams: entries in nodes, each a listpack whose first entry names the usual fields; then figures; then groups.
//
//   node key     id of the first entry: 8 bytes ms, 8 bytes seq
//   master       count · deleted · number of fields · fields … · 0
//   entry        flags · ms and seq less those of the node · (number of fields · field · value … | value …) · elements
import type { ByteReader } from './byte-reader.ts';
import { demandNext, Listpack } from './packed-forms.ts';
import { milliseconds, type Milliseconds } from './milliseconds.ts';
import {
  ID_BYTES,
  ZERO_ID,
  type PendingEntry,
  type StreamConsumer,
  type StreamEntry,
  type StreamGroup,
  type StreamId,
  type StreamValue,
} from './value.ts';
import type { Encoding } from './payload.ts';

/** A flag of an entry: it is deleted. */
const DELETED = 1;
/** A flag of an entry: it has the fields of the master, so only values follow. */
const SAME_FIELDS = 2;
/** Id, time and a length. */
export const PENDING_BYTES = ID_BYTES + 8 + 1;
/** Name, time and a length; a group has ids for that time. */
export const CONSUMER_BYTES = 1 + 8 + 1;
export const GROUP_BYTES = 5;

export function decodeStream(reader: ByteReader, encoding: Encoding): StreamValue {
  const entries: StreamEntry[] = [];
  for (const node of streamNodes(reader)) for (const entry of node) entries.push(entry);
  const figures = readFigures(reader, encoding);
  const groups = decodeGroups(reader, encoding);
  return { type: 'stream', entries, firstId: entries[0]?.id ?? ZERO_ID, ...figures, groups };
}

/** The entries, node by node. */
export function* streamNodes(reader: ByteReader): Generator<StreamEntry[]> {
  for (let nodes = reader.count(2); nodes > 0; nodes -= 1) {
    const key = reader.packed('node key');
    if (key.left !== ID_BYTES) throw key.fail('the key of a node has 16 bytes');
    const first = readRawId(key);
    yield entriesIn(first, new Listpack(reader.packed('listpack')));
  }
}

/** What stands between the nodes and the groups. */
export function readFigures(
  reader: ByteReader,
  encoding: Encoding,
): Pick<StreamValue, 'length' | 'lastId' | 'maxDeletedId' | 'entriesAdded'> {
  const length = reader.length();
  const lastId = readId(reader);
  const hasFigures = encoding !== 'STREAM_LISTPACKS';
  // The id of the first entry is there as well, but follows from the entries.
  if (hasFigures) readId(reader);
  const maxDeletedId = hasFigures ? readId(reader) : undefined;
  const entriesAdded = hasFigures ? reader.uint64() : undefined;
  return { length, lastId, maxDeletedId, entriesAdded };
}

function entriesIn(first: StreamId, elements: Listpack): StreamEntry[] {
  const entries: StreamEntry[] = [];
  const names = masterFields(elements);
  while (elements.next()) {
    const flags = integerIn(elements);
    const ms = added(first.ms, following(elements));
    const seq = added(first.seq, following(elements));
    const fields: Buffer[] = [];
    if ((flags & SAME_FIELDS) === 0) appendBytes(fields, elements, countIn(elements) * 2);
    else {
      for (const name of names) {
        demandNext(elements);
        fields.push(name, elements.bytes());
      }
    }
    // The number of elements of the entry, for reading backwards.
    demandNext(elements);
    if ((flags & DELETED) === 0) entries.push({ id: { ms, seq }, fields });
  }
  return entries;
}

/** The names of fields that entries of the node share; what follows in it are the entries. */
export function masterFields(elements: Listpack): Buffer[] {
  // The numbers of entries that exist and that are deleted follow from the entries.
  following(elements);
  following(elements);
  const names: Buffer[] = [];
  appendBytes(names, elements, countIn(elements));
  demandNext(elements);
  return names;
}

function appendBytes(list: Buffer[], elements: Listpack, count: number): void {
  for (let left = count; left > 0; left -= 1) {
    demandNext(elements);
    list.push(elements.bytes());
  }
}

function following(elements: Listpack): number | bigint {
  demandNext(elements);
  const integer = elements.integer();
  if (integer === undefined) throw elements.fail('a stream has an integer here');
  return integer;
}

function countIn(elements: Listpack): number {
  const count = following(elements);
  if (count < 0) throw elements.fail('there are fewer fields than none');
  return Number(count);
}

/** Of the element that has been stepped to. */
function integerIn(elements: Listpack): number {
  const integer = elements.integer();
  if (integer === undefined) throw elements.fail('a stream has an integer here');
  return Number(integer);
}

/** In 64 bits without sign, as the server counts. */
function added(base: bigint, delta: number | bigint): bigint {
  return delta === 0 ? base : BigInt.asUintN(64, base + BigInt(delta));
}

interface Delivery {
  readonly id: StreamId;
  readonly deliveryTime: Milliseconds;
  readonly deliveryCount: number | bigint;
  consumer: Buffer | undefined;
}

/** Consumer groups: the pending entries of each, and the ids that belong to each consumer. */
export function decodeGroups(reader: ByteReader, encoding: Encoding): StreamGroup[] {
  const groups: StreamGroup[] = [];
  for (let left = reader.count(GROUP_BYTES); left > 0; left -= 1) groups.push(groupIn(reader, encoding));
  return groups;
}

function groupIn(reader: ByteReader, encoding: Encoding): StreamGroup {
  const name = reader.string();
  const lastId = readId(reader);
  const entriesRead = encoding === 'STREAM_LISTPACKS' ? undefined : BigInt.asIntN(64, reader.uint64());
  const start = reader.at;
  const deliveries = deliveriesIn(reader);
  const consumers: StreamConsumer[] = [];
  for (let left = reader.count(CONSUMER_BYTES); left > 0; left -= 1) {
    consumers.push(consumerIn(reader, encoding, deliveries));
  }
  const pending: PendingEntry[] = [];
  for (const { id, consumer, deliveryTime, deliveryCount } of deliveries.values()) {
    if (consumer === undefined) throw reader.fail('an entry is pending and no consumer has it', start);
    pending.push({ id, consumer, deliveryTime, deliveryCount });
  }
  return { name, lastId, entriesRead, pending, consumers };
}

/** Keyed by the bytes of the id, in the order of the ids. */
function deliveriesIn(reader: ByteReader): Map<string, Delivery> {
  const deliveries = new Map<string, Delivery>();
  for (let left = reader.count(PENDING_BYTES); left > 0; left -= 1) {
    const raw = reader.view(ID_BYTES);
    deliveries.set(raw.toString('latin1'), {
      id: { ms: raw.readBigUInt64BE(0), seq: raw.readBigUInt64BE(8) },
      deliveryTime: reader.milliseconds(),
      deliveryCount: milliseconds(reader.uint64()),
      consumer: undefined,
    });
  }
  return deliveries;
}

function consumerIn(reader: ByteReader, encoding: Encoding, deliveries: Map<string, Delivery>): StreamConsumer {
  const name = reader.string();
  const seenTime = reader.milliseconds();
  const activeTime = encoding === 'STREAM_LISTPACKS_3' ? reader.milliseconds() : undefined;
  for (let left = reader.count(ID_BYTES); left > 0; left -= 1) {
    const start = reader.at;
    const delivery = deliveries.get(reader.view(ID_BYTES).toString('latin1'));
    if (delivery === undefined) throw reader.fail('a consumer has an entry that is not pending', start);
    delivery.consumer = name;
  }
  return { name, seenTime, activeTime };
}

/** Eight bytes each, the highest first: the bytes have the order of the ids. */
function readRawId(reader: ByteReader): StreamId {
  return { ms: reader.uint64BigEndian(), seq: reader.uint64BigEndian() };
}

function readId(reader: ByteReader): StreamId {
  return { ms: reader.uint64(), seq: reader.uint64() };
}
