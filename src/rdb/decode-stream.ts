// Streams: entries in nodes, each a listpack whose first entry names the usual fields; then figures; then groups.
//
//   node key     id of the first entry: 8 bytes ms, 8 bytes seq
//   master       count · deleted · number of fields · fields … · 0
//   entry        flags · ms and seq less those of the node · (number of fields · field · value … | value …) · elements
import type { ByteReader } from './byte-reader.ts';
import { decodeGroups } from './decode-groups.ts';
import { demandNext } from './elements.ts';
import { Listpack } from './listpack.ts';
import { readId, readRawId, ZERO_ID } from './stream-id.ts';
import type { Encoding } from './type-byte.ts';
import type { StreamEntry, StreamId, StreamValue } from './value.ts';

const KEY_BYTES = 16;
/** A flag of an entry: it is there no more. */
const DELETED = 1;
/** A flag of an entry: it has the fields of the master, and values alone follow. */
const SAME_FIELDS = 2;

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
    if (key.left !== KEY_BYTES) throw key.fail('the key of a node has 16 bytes');
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
    // How many elements the entry has: for those who read backwards.
    demandNext(elements);
    if ((flags & DELETED) === 0) entries.push({ id: { ms, seq }, fields });
  }
  return entries;
}

function masterFields(elements: Listpack): Buffer[] {
  // Entries that are there, entries that are deleted: both can be seen.
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
