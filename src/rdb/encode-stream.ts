// A stream as payloads have it, drawn in decode-stream.ts: nodes of entries, figures as far as the version knows them,
// groups.
import type { ByteWriter } from './byte-writer.ts';
import { ListpackWriter } from './listpack-writer.ts';
import { PayloadError } from './payload-error.ts';
import { ZERO_ID } from './stream-id.ts';
import type { StreamEntry, StreamGroup, StreamId, StreamValue } from './value.ts';

/** As servers have it unless told otherwise. */
const NODE_ENTRIES = 100;
const NODE_BYTES = 4096;
const ID_BYTES = 16;
const SAME_FIELDS = 2;
/** Type bytes; their versions are those of Redis 5.0, 7.0 and 7.2. */
const PLAIN = 15;
const WITH_FIGURES = 19;
const WITH_ACTIVE_TIMES = 21;

export function encodeStream(writer: ByteWriter, value: StreamValue, version: number): void {
  const typeByte = version < 10 ? PLAIN : version < 11 ? WITH_FIGURES : WITH_ACTIVE_TIMES;
  const { entries, length, lastId, firstId, maxDeletedId, entriesAdded, groups } = value;
  writer.byte(typeByte);
  const nodes = nodesOf(entries);
  writer.length(nodes.length);
  for (const node of nodes) writeNode(writer, node);
  writer.length(length);
  writeId(writer, lastId);
  if (typeByte !== PLAIN) {
    writeId(writer, firstId);
    // Of an old payload the servers themselves take these.
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
  // How many elements there were, for those who read backwards.
  elements.integer(isUsual ? names.length + 3 : fields.length + 4);
}

function writeGroup(writer: ByteWriter, group: StreamGroup, typeByte: number): void {
  writer.string(group.name);
  writeId(writer, group.lastId);
  if (typeByte !== PLAIN) writer.length(BigInt.asUintN(64, group.entriesRead ?? -1n));
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
    if (typeByte === WITH_ACTIVE_TIMES) writer.milliseconds(activeTime ?? seenTime);
    const own = ids.get(name.toString('latin1'))!;
    writer.length(own.length);
    for (const id of own) writeRawId(writer, id);
  }
}

function writeId(writer: ByteWriter, { ms, seq }: StreamId): void {
  writer.length(ms);
  writer.length(seq);
}

function writeRawId(writer: ByteWriter, { ms, seq }: StreamId): void {
  writer.uint64BigEndian(ms);
  writer.uint64BigEndian(seq);
}
