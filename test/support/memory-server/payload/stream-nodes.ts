// A stream as Redis keeps it: nodes of up to a hundred entries, each a listpack whose first entry names the usual fields.
//
//   node key     id of the first entry: 8 bytes ms, 8 bytes seq
//   master       count · deleted · number of fields · fields … · 0
//   entry        flags · ms and seq less those of the node · (number of fields · field · value … | value …) · elements
import type { StreamEntry, StreamId, StreamValue } from '../keyspace/value.ts';
import { FormatError, type ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { decodeListpack, encodeListpack, type Element } from './listpack.ts';

const NODE_ENTRIES = 100;
const NODE_BYTES = 4096;
const DELETED = 1n;
const SAME_FIELDS = 2n;

export function writeStream(writer: ByteWriter, { entries, lastId }: StreamValue): void {
  const nodes = nodesOf(entries);
  writer.length(nodes.length);
  for (const node of nodes) {
    const key = Buffer.alloc(16);
    key.writeBigUInt64BE(node[0]!.id.ms, 0);
    key.writeBigUInt64BE(node[0]!.id.seq, 8);
    writer.string(key);
    writer.string(encodeListpack(elementsOf(node)));
  }
  writer.length(entries.length);
  writer.length(lastId.ms);
  writer.length(lastId.seq);
  const groups = 0;
  writer.length(groups);
}

/** @throws FormatError, also for a stream with consumer groups */
export function readStream(reader: ByteReader): StreamValue {
  const entries: StreamEntry[] = [];
  for (let nodes = reader.count(); nodes > 0; nodes -= 1) {
    const key = reader.string();
    if (key.length !== 16) throw new FormatError('The key of a stream node has 16 bytes');
    const first = { ms: key.readBigUInt64BE(0), seq: key.readBigUInt64BE(8) };
    for (const entry of entriesOf(decodeListpack(reader.string()), first)) entries.push(entry);
  }
  const length = reader.length();
  const lastId = { ms: reader.length(), seq: reader.length() };
  if (length !== BigInt(entries.length)) throw new FormatError('The stream has another length than it says');
  if (reader.length() !== 0n) throw new FormatError('This server knows no consumer groups');
  return { type: 'stream', entries, lastId };
}

function nodesOf(entries: readonly StreamEntry[]): StreamEntry[][] {
  const nodes: StreamEntry[][] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = entry.fields.reduce((sum, { length }) => sum + length, 0);
    const node = nodes.at(-1);
    if (node === undefined || node.length === NODE_ENTRIES || bytes + size > NODE_BYTES) {
      nodes.push([entry]);
      bytes = 0;
    } else node.push(entry);
    bytes += size;
  }
  return nodes;
}

function elementsOf(node: readonly StreamEntry[]): Element[] {
  const first = node[0]!;
  const names = namesIn(first);
  const elements: Element[] = [BigInt(node.length), 0n, BigInt(names.length), ...names, 0n];
  for (const entry of node) {
    const start = elements.length;
    const isUsual = hasNames(entry, names);
    elements.push(isUsual ? SAME_FIELDS : 0n);
    elements.push(BigInt.asIntN(64, entry.id.ms - first.id.ms), BigInt.asIntN(64, entry.id.seq - first.id.seq));
    if (isUsual) for (let i = 1; i < entry.fields.length; i += 2) elements.push(entry.fields[i]!);
    else elements.push(BigInt(entry.fields.length / 2), ...entry.fields);
    elements.push(BigInt(elements.length - start));
  }
  return elements;
}

function entriesOf(elements: readonly Element[], first: StreamId): StreamEntry[] {
  let at = 0;
  const integer = (): bigint => {
    const element = elements[at++];
    if (typeof element !== 'bigint') throw new FormatError('A stream node has an integer here');
    return element;
  };
  const strings = (count: bigint): Buffer[] => {
    if (count < 0n || count > BigInt(elements.length - at)) throw new FormatError('The stream node is cut short');
    const taken = elements.slice(at, at + Number(count));
    at += taken.length;
    return taken.map((element) => (typeof element === 'bigint' ? Buffer.from(String(element)) : element));
  };
  const total = integer() + integer();
  const names = strings(integer());
  integer();
  const entries: StreamEntry[] = [];
  for (let left = total; left > 0n; left -= 1n) {
    const flags = integer();
    const id = {
      ms: BigInt.asUintN(64, first.ms + integer()),
      seq: BigInt.asUintN(64, first.seq + integer()),
    };
    const isUsual = (flags & SAME_FIELDS) !== 0n;
    const fields = isUsual
      ? strings(BigInt(names.length)).flatMap((value, index) => [names[index]!, value])
      : strings(integer() * 2n);
    integer();
    if ((flags & DELETED) === 0n) entries.push({ id, fields });
  }
  return entries;
}

function namesIn({ fields }: StreamEntry): Buffer[] {
  return fields.filter((_, index) => index % 2 === 0);
}

function hasNames({ fields }: StreamEntry, names: readonly Buffer[]): boolean {
  return fields.length === names.length * 2 && names.every((name, index) => name.equals(fields[index * 2]!));
}
