// The values of the memory server. Members and fields are strings of a character a byte, so that a Map finds them.

export type Value = StringValue | ListValue | SetValue | SortedSetValue | HashValue | StreamValue;
export type ValueType = Value['type'];
export type ValueOf<T extends ValueType> = Extract<Value, { readonly type: T }>;

export interface StringValue {
  readonly type: 'string';
  readonly bytes: Buffer;
}

export interface ListValue {
  readonly type: 'list';
  readonly items: Buffer[];
}

export interface SetValue {
  readonly type: 'set';
  readonly members: Set<string>;
}

export interface SortedSetValue {
  readonly type: 'zset';
  readonly scores: Map<string, number>;
}

export interface HashValue {
  readonly type: 'hash';
  readonly fields: Map<string, Buffer>;
}

export interface StreamValue {
  readonly type: 'stream';
  readonly entries: StreamEntry[];
  lastId: StreamId;
}

export interface StreamEntry {
  readonly id: StreamId;
  /** Field and value by turns. */
  readonly fields: readonly Buffer[];
}

export interface StreamId {
  readonly ms: bigint;
  readonly seq: bigint;
}

const EMPTY: { readonly [T in ValueType]: () => ValueOf<T> } = {
  string: () => ({ type: 'string', bytes: Buffer.alloc(0) }),
  list: () => ({ type: 'list', items: [] }),
  set: () => ({ type: 'set', members: new Set() }),
  zset: () => ({ type: 'zset', scores: new Map() }),
  hash: () => ({ type: 'hash', fields: new Map() }),
  stream: () => ({ type: 'stream', entries: [], lastId: { ms: 0n, seq: 0n } }),
};

export function emptyValue<T extends ValueType>(type: T): ValueOf<T> {
  return EMPTY[type]();
}

export function isAfter(left: StreamId, right: StreamId): boolean {
  return left.ms === right.ms ? left.seq > right.seq : left.ms > right.ms;
}
