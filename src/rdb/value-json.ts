// Keys and values as JSON, one form for each type: nothing that a value holds is lost in it.
//
//   a key   {"db": 0, "key": "…", "type": "…", "expireAt": null or milliseconds since 1970, "value": …}
//
//   string  "…"
//   list    ["…", …]                      in order
//   set     ["…", …]
//   zset    [["member", score], …]
//   hash    [["field", "value"], ["field", "value", expireAt], …]
//   stream  {"entries": [["id", [["field", "value"], …]], …], "length", "lastId", "maxDeletedId", "entriesAdded",
//            "groups": [{"name", "lastId", "entriesRead", "pending": [["id", "consumer", deliveryTime, deliveryCount], …],
//                        "consumers": [{"name", "seenTime", "activeTime"}, …]}, …]}
//   others  {"dump": "base64"}            what DUMP says

import { Buffer } from 'node:buffer';
import type { JsonWriter } from './json-writer.ts';
import { NEVER, type Milliseconds } from './milliseconds.ts';
import {
  formatId,
  type HashField,
  type PendingEntry,
  type StreamConsumer,
  type StreamEntry,
  type StreamGroup,
  type StreamHead,
  type StreamId,
  type StreamValue,
  type ZsetEntry,
} from './value.ts';

const DB = Buffer.from('{"db":');
const KEY = Buffer.from(',"key":');
const TYPE = Buffer.from(',"type":');
const EXPIRE_AT = Buffer.from(',"expireAt":');
const VALUE = Buffer.from(',"value":');
const END_OF_LINE = Buffer.from('}\n');
export const OPEN = 0x5b;
export const CLOSE = 0x5d;
export const COMMA = 0x2c;
export const COMMA_OPEN = Buffer.from(',[');
const DUMP = Buffer.from('{"dump":"');
const DUMP_END = Buffer.from('"}');
export const ENTRIES = Buffer.from('{"entries":[');
const LENGTH = Buffer.from('],"length":');
const LAST_ID = Buffer.from(',"lastId":');
const MAX_DELETED_ID = Buffer.from(',"maxDeletedId":');
const ENTRIES_ADDED = Buffer.from(',"entriesAdded":');
const GROUPS = Buffer.from(',"groups":[');
const GROUPS_END = Buffer.from(']}');
const NAME = Buffer.from('{"name":');
const ENTRIES_READ = Buffer.from(',"entriesRead":');
const PENDING = Buffer.from(',"pending":[');
const CONSUMERS = Buffer.from('],"consumers":[');
const SEEN_TIME = Buffer.from(',"seenTime":');
const ACTIVE_TIME = Buffer.from(',"activeTime":');
const END = Buffer.from('}');
const NULL = Buffer.from('null');

/** A line as far as its value, which follows. @param expireAt since 1970, or `NEVER` */
export function beginLine(json: JsonWriter, db: number, key: Buffer, type: string, expireAt: Milliseconds): void {
  json.json(DB);
  json.integer(db);
  json.json(KEY);
  json.bytes(key);
  json.json(TYPE);
  json.text(type);
  json.json(EXPIRE_AT);
  writeFigure(json, expireAt === NEVER ? undefined : expireAt);
  json.json(VALUE);
}

export function endLine(json: JsonWriter): void {
  json.json(END_OF_LINE);
}

/** A payload as it is, which RESTORE takes. */
export function writeDump(json: JsonWriter, payload: Buffer): void {
  beginDump(json);
  json.base64Part(payload);
  endDump(json);
}

/** The same in parts: see `JsonWriter.base64Part`. */
export function beginDump(json: JsonWriter): void {
  json.json(DUMP);
}

export function endDump(json: JsonWriter): void {
  json.json(DUMP_END);
}

function writeEach<T>(json: JsonWriter, elements: readonly T[], write: (json: JsonWriter, element: T) => void): void {
  for (let i = 0; i < elements.length; i++) {
    if (i > 0) json.byte(COMMA);
    write(json, elements[i]!);
  }
}

export function writeBytes(json: JsonWriter, bytes: Buffer): void {
  json.bytes(bytes);
}

export function writeMember(json: JsonWriter, { member, score }: ZsetEntry): void {
  json.byte(OPEN);
  json.bytes(member);
  json.byte(COMMA);
  json.double(score);
  json.byte(CLOSE);
}

export function writeField(json: JsonWriter, { field, value, expireAt }: HashField): void {
  json.byte(OPEN);
  json.bytes(field);
  json.byte(COMMA);
  json.bytes(value);
  if (expireAt !== NEVER) {
    json.byte(COMMA);
    json.integer(expireAt);
  }
  json.byte(CLOSE);
}

function writeEntry(json: JsonWriter, { id, fields }: StreamEntry): void {
  json.byte(OPEN);
  json.text(formatId(id));
  json.json(COMMA_OPEN);
  for (let i = 0; i < fields.length; i += 2) {
    if (i > 0) json.byte(COMMA);
    json.byte(OPEN);
    json.bytes(fields[i]!);
    json.byte(COMMA);
    json.bytes(fields[i + 1]!);
    json.byte(CLOSE);
  }
  json.byte(CLOSE);
  json.byte(CLOSE);
}

export function writeStream(json: JsonWriter, { entries, ...head }: Omit<StreamValue, 'type' | 'firstId'>): void {
  json.json(ENTRIES);
  writeEach(json, entries, writeEntry);
  for (const _ of headSteps(json, head));
}

/** A stream from the end of its entries on. At each step there is enough to be taken. */
export function* headSteps(json: JsonWriter, head: Omit<StreamHead, 'gone'>): Generator<void, void, void> {
  json.json(LENGTH);
  json.integer(head.length);
  json.json(LAST_ID);
  writeId(json, head.lastId);
  json.json(MAX_DELETED_ID);
  writeId(json, head.maxDeletedId);
  json.json(ENTRIES_ADDED);
  writeFigure(json, head.entriesAdded);
  json.json(GROUPS);
  for (const [i, group] of head.groups.entries()) {
    if (i > 0) json.byte(COMMA);
    yield* groupSteps(json, group);
  }
  json.json(GROUPS_END);
}

function* groupSteps(
  json: JsonWriter,
  { name, lastId, entriesRead, pending, consumers }: StreamGroup,
): Generator<void, void, void> {
  json.json(NAME);
  json.bytes(name);
  json.json(LAST_ID);
  writeId(json, lastId);
  json.json(ENTRIES_READ);
  writeFigure(json, entriesRead);
  json.json(PENDING);
  yield* eachStep(json, pending, writePending);
  json.json(CONSUMERS);
  yield* eachStep(json, consumers, writeConsumer);
  json.json(GROUPS_END);
}

function* eachStep<T>(
  json: JsonWriter,
  elements: readonly T[],
  write: (json: JsonWriter, element: T) => void,
): Generator<void, void, void> {
  for (let i = 0; i < elements.length; i++) {
    if (i > 0) json.byte(COMMA);
    write(json, elements[i]!);
    // The name of a consumer stands there for each entry that it has: groups may be far longer than they lie.
    if (json.isEnough) yield;
  }
}

function writePending(json: JsonWriter, { id, consumer, deliveryTime, deliveryCount }: PendingEntry): void {
  json.byte(OPEN);
  writeId(json, id);
  json.byte(COMMA);
  json.bytes(consumer);
  json.byte(COMMA);
  json.integer(deliveryTime);
  json.byte(COMMA);
  json.integer(deliveryCount);
  json.byte(CLOSE);
}

/** A consumer that was read by commands has no time of which it is said when it was seen. */
function writeConsumer(json: JsonWriter, { name, seenTime, activeTime }: StreamConsumer): void {
  json.json(NAME);
  json.bytes(name);
  json.json(SEEN_TIME);
  writeFigure(json, seenTime === 0 ? undefined : seenTime);
  json.json(ACTIVE_TIME);
  writeFigure(json, activeTime);
  json.json(END);
}

function writeId(json: JsonWriter, id: StreamId | undefined): void {
  if (id === undefined) json.json(NULL);
  else json.text(formatId(id));
}

function writeFigure(json: JsonWriter, figure: Milliseconds | undefined): void {
  if (figure === undefined) json.json(NULL);
  else json.integer(figure);
}
