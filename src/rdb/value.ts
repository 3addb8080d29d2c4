// What a key holds, independent of the server and the encoding that it came from. Buffers may be views into the payload.

import type { Milliseconds } from './milliseconds.ts';

export type Value = StringValue | ListValue | SetValue | ZsetValue | HashValue | StreamValue | ModuleValue;

/**
 * A part of a value that is too large to be held whole. Together the pieces hold the elements of the value in order, and
 * there is at least one; elements that were read by SCAN may come twice.
 */
export type ValuePiece = Exclude<Value, StreamValue | ModuleValue> | StreamPiece;

/** The head is the same in all pieces of a stream. */
export interface StreamPiece {
  readonly type: 'stream';
  readonly head: StreamHead;
  readonly entries: readonly StreamEntry[];
}

/** A stream without its entries. */
export interface StreamHead extends Omit<StreamValue, 'type' | 'entries' | 'firstId'> {
  /** Ids that are pending in some group although their entries are deleted; ascending, each once. */
  readonly gone: readonly StreamId[];
}

/** As `TYPE` says it, except for modules, whose types have names of their own. */
export type ValueType = Value['type'];

export interface StringValue {
  readonly type: 'string';
  readonly value: Buffer;
}

export interface ListValue {
  readonly type: 'list';
  readonly items: readonly Buffer[];
}

export interface SetValue {
  readonly type: 'set';
  /** In no order. */
  readonly members: readonly Buffer[];
}

export interface ZsetValue {
  readonly type: 'zset';
  /** In no order. */
  readonly entries: readonly ZsetEntry[];
}

export interface ZsetEntry {
  readonly member: Buffer;
  /** Also -0, infinite, or NaN, which no command can write. */
  readonly score: number;
}

export interface HashValue {
  readonly type: 'hash';
  /** In no order. */
  readonly fields: readonly HashField[];
}

export interface HashField {
  readonly field: Buffer;
  readonly value: Buffer;
  /** Since 1970, or `NEVER`. */
  readonly expireAt: Milliseconds;
}

export interface StreamValue {
  readonly type: 'stream';
  /** By id, upward. */
  readonly entries: readonly StreamEntry[];
  /** The number of entries as stored: some servers have written a wrong one, and keep it. */
  readonly length: number;
  readonly lastId: StreamId;
  /** That of the first entry; 0-0 without any. */
  readonly firstId: StreamId;
  /** `undefined`: the payload is older than this figure (Redis 7.0). */
  readonly maxDeletedId: StreamId | undefined;
  /** How many entries were ever added. `undefined`: the payload is older than this figure (Redis 7.0). */
  readonly entriesAdded: bigint | undefined;
  readonly groups: readonly StreamGroup[];
}

export interface StreamId {
  readonly ms: bigint;
  readonly seq: bigint;
}

export interface StreamEntry {
  readonly id: StreamId;
  /** Field and value by turns. */
  readonly fields: readonly Buffer[];
}

export interface StreamGroup {
  readonly name: Buffer;
  readonly lastId: StreamId;
  /** -1: the server itself cannot tell. `undefined`: the payload is older than this figure (Redis 7.0). */
  readonly entriesRead: bigint | undefined;
  /** By id, upward. An id may be pending although its entry is gone. */
  readonly pending: readonly PendingEntry[];
  readonly consumers: readonly StreamConsumer[];
}

export interface PendingEntry {
  readonly id: StreamId;
  /** The name of the consumer. */
  readonly consumer: Buffer;
  /** Since 1970. */
  readonly deliveryTime: Milliseconds;
  readonly deliveryCount: number | bigint;
}

export interface StreamConsumer {
  readonly name: Buffer;
  /** Since 1970. */
  readonly seenTime: Milliseconds;
  /** Since 1970; -1: never. `undefined`: the payload is older than this figure (Redis 7.2). */
  readonly activeTime: Milliseconds | undefined;
}

export interface ModuleValue {
  readonly type: 'module';
  /** Nine characters: `ReJSON-RL`. */
  readonly name: string;
  /** The version of the module's own encoding, 0 to 1023. */
  readonly encodingVersion: number;
  /** Everything behind the type byte: only the module can read it. */
  readonly bytes: Buffer;
}

export const ZERO_ID: StreamId = { ms: 0n, seq: 0n };
/** Of an id whose halves have eight bytes each, the highest first: the bytes have the order of the ids. */
export const ID_BYTES = 16;

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
