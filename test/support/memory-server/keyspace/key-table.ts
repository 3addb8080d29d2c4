// The order in which SCAN walks the keys, and how it counts its cursors.
import { BucketTable } from './bucket-table.ts';
import { NodeTables } from './node-tables.ts';
import { SlotList } from './slot-list.ts';

/**
 * `reverse-binary`: a table of 2^k buckets, as Redis has it. `offset`: a place in the list of keys. `node-high-bits` and
 * `node-low-bits`: several such tables, as proxies before a cluster have them, with the number of one in the cursor.
 */
export type CursorStyle = 'reverse-binary' | 'offset' | 'node-high-bits' | 'node-low-bits';

export interface KeyTableOptions {
  readonly cursor?: CursorStyle;
  readonly nodes?: number;
  readonly seed?: number;
}

export interface Page {
  /** 0 when there is no further page. */
  readonly cursor: bigint;
  readonly keys: string[];
}

/** A key that is there throughout a walk from cursor 0 to cursor 0 is on one of its pages at least. */
export interface KeyTable {
  readonly size: number;
  /** The key must not be there yet. */
  add(key: string): void;
  /** The key must be there. */
  delete(key: string): void;
  /** The effort is that of a page, however many keys there are. */
  scan(cursor: bigint, count: number): Page;
  /** The table must not be empty. */
  random(): string;
}

export function createKeyTable({ cursor = 'reverse-binary', nodes = 3, seed = 1 }: KeyTableOptions): KeyTable {
  if (cursor === 'reverse-binary') return new BucketTable(seed);
  if (cursor === 'offset') return new SlotList();
  return new NodeTables(cursor, nodes, seed);
}
