// Runs a KeyspaceScan against a simulated keyspace as a source would run it against a server, with pages in flight.
import assert from 'node:assert/strict';
import { KeyspaceScan, type KeyspaceScanOptions, type KeyspaceScanState } from '../../src/scan/keyspace-scan.ts';
import { PageView } from '../../src/scan/page-view.ts';
import { Bytes } from '../../resp/bytes.ts';
import { bulk, command } from './frames.ts';
import type { Keyspace, Page } from './simulated-dict.ts';

export interface Reading {
  /** How often each key was given; keys are told apart as objects, which is much faster. */
  readonly seen: ReadonlyMap<Buffer, number>;
  readonly pages: number;
  /** Whether segments were taken at any time. */
  readonly wasSegmented: boolean;
  /** Whether a plain scan began anew. */
  readonly beganAnew: boolean;
  /** The most pages that were asked for at once. */
  readonly inFlight: number;
}

export interface ReadOptions {
  readonly count: number;
  /** Most pages in flight. */
  readonly depth?: number;
  /** Called before each page is made, so that the keyspace may change meanwhile. */
  readonly beforePage?: (page: number) => void;
  /** Where the scan is left for good, and another one goes on. */
  readonly leaving?: Leaving;
  /** Whether pages are frames, in memory that is used again for the next one. */
  readonly whereItLies?: boolean;
}

export interface Leaving {
  /** Those of the scan that goes on. */
  readonly options: KeyspaceScanOptions;
  /** By the number of pages made so far, how many of the last ones are lost with it: their keys were not settled. */
  readonly at: ReadonlyMap<number, number>;
}

/** Pages of fewer than 256 keys prove nothing. */
export const COUNT = 260;
/** Far more than any honest scan needs, two of them included. */
const MOST_PAGES = 200_000;

export function readKeyspace(first: KeyspaceScan, keyspace: Keyspace, options: ReadOptions): Reading {
  const { count, depth = 64, beforePage, leaving, whereItLies = false } = options;
  let scan = first;
  /** By page. */
  let given: (readonly Buffer[])[] = [];
  const states = leaving === undefined ? [] : [scan.state];
  let asked: string[] = [];
  const modes = new Set<string>();
  let pages = 0;
  let inFlight = 0;
  do {
    while (!scan.finished) {
      for (let cursor; asked.length < depth && (cursor = scan.next()) !== undefined;) asked.push(cursor);
      inFlight = Math.max(inFlight, asked.length);
      const cursor = asked.shift();
      if (cursor === undefined || ++pages > MOST_PAGES) throw new Error(`The scan does not end: ${pages} pages so far`);
      beforePage?.(pages);
      const page = keyspace.scan(cursor, count);
      const keys = whereItLies ? acceptWhereItLies(scan, page) : scan.accept(page.cursor, page.keys);
      given.push(keys);
      modes.add(scan.mode);
      if (leaving === undefined) continue;
      const { state } = scan;
      assert.equal(state.page, states.at(-1)!.page + 1);
      states.push(state);
      const lost = leaving.at.get(pages);
      if (lost === undefined) continue;
      states.splice(Math.max(1, states.length - lost));
      given = given.slice(0, states.length - 1);
      asked = [];
      scan = new KeyspaceScan(leaving.options, JSON.parse(JSON.stringify(states.at(-1))) as KeyspaceScanState);
    }
  } while (!scan.settle(keyspace.size));
  const seen = new Map<Buffer, number>();
  for (const keys of given) for (const key of keys) seen.set(key, (seen.get(key) ?? 0) + 1);
  const wasSegmented = modes.has('segmented');
  return { seen, pages, wasSegmented, beganAnew: wasSegmented && scan.mode === 'plain', inFlight };
}

const memory = Buffer.alloc(1024 * 1024);
const view = new PageView();

function acceptWhereItLies(scan: KeyspaceScan, { cursor, keys }: Page): readonly Buffer[] {
  const frame = Buffer.concat([Buffer.from('*2\r\n'), bulk(cursor), command(...keys)]);
  const start = 7;
  const end = start + frame.copy(memory, start);
  assert.equal(view.read(new Bytes(memory), start, end), end);
  assert.equal(view.cursor, cursor);
  const own = scan.acceptNames(view.cursor, view);
  const given = own === 'all' ? keys : own.map((name) => keys[name]!);
  const first = own === 'all' ? 0 : (own[0] ?? 0);
  if (given.length > 0) assert.ok(memory.subarray(view.startOf(first), view.endOf(first)).equals(given[0]!));
  return given;
}

export function keysOf(length: number, prefix = 'key'): Buffer[] {
  return Array.from({ length }, (_, i) => Buffer.from(`${prefix}:${i}`));
}

export function read(keyspace: Keyspace, maxSegments: number, count = COUNT): Reading {
  return readKeyspace(new KeyspaceScan({ count, keys: keyspace.size, maxSegments }), keyspace, { count });
}

export function assertComplete(reading: Reading, keys: readonly Buffer[], what = ''): void {
  const lost = keys.filter((key) => !reading.seen.has(key));
  assert.equal(lost.length, 0, `${what}: ${lost.length} of ${keys.length} keys were lost`);
}
