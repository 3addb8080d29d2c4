// Servers and proxies that call themselves Redis and count their cursors otherwise. A plain scan of each is complete;
// what they say to cursors which they never gave out is as wrong as it may be.
import type { Keyspace, Page, SimulatedDict } from './simulated-dict.ts';

/** What happens to a cursor that was never given out. */
export type Unknown = 'end' | 'restart' | 'nearest';

export interface NodesOptions {
  readonly nodes: readonly SimulatedDict[];
  /** In which order a plain scan visits them: indexes into `nodes`. */
  readonly order: readonly number[];
  /** The number of the first node; with 1, small cursors name none. */
  readonly from: 0 | 1;
  /** Where the number of the node stands in the cursor. */
  readonly place: 'high' | 'low' | 'remainder';
  /** Which node a cursor means that names none of them. */
  readonly stray: 'first' | 'last' | 'modulo';
  /** Whether DBSIZE tells of all nodes, or of the one that is visited first. */
  readonly dbsize: 'all' | 'first';
}

const HIGH_SHIFT = 48n;

/** The cursor is the number of keys that were given. */
export function offsets(keys: readonly Buffer[]): Keyspace {
  return {
    size: keys.length,
    scan(cursor, count) {
      const start = Number(BigInt.asUintN(32, BigInt(cursor)));
      const end = start + count;
      return { cursor: end < keys.length ? String(end) : '0', keys: keys.slice(start, end) };
    },
  };
}

/** The cursor is the number of keys that are left. */
export function countdown(keys: readonly Buffer[]): Keyspace {
  return {
    size: keys.length,
    scan(cursor, count) {
      const left = cursor === '0' ? keys.length : Math.min(keys.length, Number(BigInt.asUintN(32, BigInt(cursor))));
      const start = keys.length - left;
      return { cursor: String(Math.max(0, left - count)), keys: keys.slice(start, start + count) };
    },
  };
}

/** Every page has a cursor that says nothing. */
export function tickets(keys: readonly Buffer[], pages: readonly bigint[], unknown: Unknown): Keyspace {
  const length = Math.max(1, Math.ceil(keys.length / pages.length));
  const pageAt = (index: number): Page => {
    const end = (index + 1) * length;
    const following = end < keys.length ? pages[index + 1] : undefined;
    return {
      cursor: String(following ?? 0n),
      keys: keys.slice(index * length, following === undefined ? undefined : end),
    };
  };
  return {
    size: keys.length,
    scan(cursor) {
      if (cursor === '0') return pageAt(0);
      const asked = BigInt(cursor);
      const index = pages.indexOf(asked, 1);
      if (index !== -1) return pageAt(index);
      if (unknown === 'end') return { cursor: '0', keys: [] };
      if (unknown === 'restart') return pageAt(0);
      const distance = (page: bigint): bigint => (page > asked ? page - asked : asked - page);
      return pageAt(pages.reduce((best, page, i) => (distance(page) < distance(pages[best]!) ? i : best), 0));
    },
  };
}

/** Several Redis servers behind one proxy, which puts the number of the node somewhere into the cursor. */
export function nodes(options: NodesOptions): Keyspace {
  const { nodes: dicts, order, from, place, stray } = options;
  const width = BigInt(dicts.length + from);
  const lowBits = BigInt(Math.ceil(Math.log2(dicts.length + from)));
  const join = (node: number, cursor: string): bigint => {
    const number = BigInt(node + from);
    if (place === 'high') return (number << HIGH_SHIFT) | BigInt(cursor);
    return place === 'low' ? (BigInt(cursor) << lowBits) | number : BigInt(cursor) * width + number;
  };
  const split = (cursor: bigint): [node: number, cursor: bigint] => {
    if (cursor === 0n) return [order[0]! + from, 0n];
    if (place === 'high') return [Number(cursor >> HIGH_SHIFT), BigInt.asUintN(Number(HIGH_SHIFT), cursor)];
    if (place === 'low') return [Number(cursor & ((1n << lowBits) - 1n)), cursor >> lowBits];
    return [Number(cursor % width), cursor / width];
  };
  const named = (number: number): number => {
    if (order.includes(number - from)) return number - from;
    return stray === 'modulo' ? order[number % order.length]! : order.at(stray === 'first' ? 0 : -1)!;
  };
  return {
    size: options.dbsize === 'all' ? dicts.reduce((sum, { size }) => sum + size, 0) : dicts[order[0]!]!.size,
    scan(cursor, count) {
      const [asked, within] = split(BigInt.asUintN(64, BigInt(cursor)));
      let node = named(asked);
      let page = dicts[node]!.scan(String(within), count);
      const keys = [...page.keys];
      while (page.cursor === '0') {
        const next = order[order.indexOf(node) + 1];
        if (next === undefined) return { cursor: '0', keys };
        node = next;
        // A cursor of 0 would end the scan: where the next node would start with it, its first page comes along.
        if (join(node, '0') !== 0n) return { cursor: String(join(node, '0')), keys };
        page = dicts[node]!.scan('0', count);
        keys.push(...page.keys);
      }
      return { cursor: String(join(node, page.cursor)), keys };
    },
  };
}
