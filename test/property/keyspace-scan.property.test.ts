// Losing a key to segments is the worst that rump could do: tables in motion, and liars of every kind and size.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { KeyspaceScan } from '../../src/scan/keyspace-scan.ts';
import { countdown, nodes, offsets, tickets } from '../support/lying-keyspaces.ts';
import { readKeyspace } from '../support/read-keyspace.ts';
import { SimulatedDict, type Keyspace } from '../support/simulated-dict.ts';
import { runs } from '../support/tier.ts';

const MOST_KEYS = 12_000;
const pool = Array.from({ length: MOST_KEYS * 2 }, (_, i) => Buffer.from(`key:${i}`));

const count = fc.integer({ min: 200, max: 600 });
const maxSegments = fc.constantFrom(2, 4, 8, 16, 32);
const depth = fc.constantFrom(1, 3, 64);
const size = fc.integer({ min: 0, max: MOST_KEYS });
const seed = fc.nat(2 ** 31 - 1);
const whereItLies = fc.boolean();

test('KeyspaceScan gives every key of a quiet table exactly once', () => {
  fc.assert(
    fc.property(size, seed, count, maxSegments, depth, (size, seed, count, maxSegments, depth) => {
      const dict = new SimulatedDict(pool.slice(0, size), seed);
      const scan = new KeyspaceScan({ count, keys: size, maxSegments });
      const { seen } = readKeyspace(scan, dict, { count, depth });
      assert.equal(seen.size, size);
      assert.ok([...seen.values()].every((times) => times === 1));
    }),
    runs(30),
  );
});

test('KeyspaceScan gives the same keys, in as many pages, of pages that are read where they lie', () => {
  fc.assert(
    fc.property(size, seed, count, maxSegments, depth, (size, seed, count, maxSegments, depth) => {
      const readings = [false, true].map((whereItLies) => {
        const dict = new SimulatedDict(pool.slice(0, size), seed);
        dict.resize(10);
        const beforePage = (): void => dict.move(300);
        const scan = new KeyspaceScan({ count, keys: size, maxSegments });
        return readKeyspace(scan, dict, { count, depth, beforePage, whereItLies });
      });
      assert.deepEqual(readings[1], readings[0]);
    }),
    runs(20),
  );
});

/** After how many pages a scan is left, and how many of them are lost. */
const leaves = fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.nat(20)), { maxLength: 4 });
const change = fc.record({
  page: fc.integer({ min: 1, max: 60 }),
  bits: fc.integer({ min: 6, max: 16 }),
  add: fc.nat(2000),
  remove: fc.nat(2000),
});

test('KeyspaceScan gives every key that is there throughout while the table changes', () => {
  const speed = fc.constantFrom(20, 300, 4000, 100_000);
  const changes = fc.array(change, { maxLength: 6 });
  fc.assert(
    fc.property(
      size,
      seed,
      count,
      maxSegments,
      depth,
      speed,
      changes,
      whereItLies,
      (size, seed, count, maxSegments, depth, speed, changes, whereItLies) => {
        const keys = pool.slice(0, size);
        const dict = new SimulatedDict(keys, seed);
        const others = pool.slice(MOST_KEYS);
        const leaving = keys.splice(Math.floor(size * 0.6));
        const scan = new KeyspaceScan({ count, keys: size, maxSegments });
        const beforePage = (page: number): void => {
          dict.move(speed);
          for (const { bits, add, remove } of changes.filter((change) => change.page === page)) {
            for (const key of others.splice(0, add)) dict.add(key);
            for (const key of leaving.splice(0, remove)) dict.remove(key);
            dict.resize(bits);
          }
        };
        const { seen } = readKeyspace(scan, dict, { count, depth, beforePage, whereItLies });
        assert.deepEqual(lost(keys, seen), []);
      },
    ),
    runs(30),
  );
});

test('KeyspaceScan goes on where another one was left, with the pages lost that were not settled, and gives every lasting key', () => {
  const speed = fc.constantFrom(20, 300, 4000, 100_000);
  const changes = fc.array(change, { maxLength: 6 });
  fc.assert(
    fc.property(
      fc.record({
        size,
        seed,
        count,
        maxSegments: fc.oneof(fc.constant(1), maxSegments),
        depth,
        speed,
        changes,
        leaves,
        whereItLies,
      }),
      ({ size, seed, count, maxSegments, depth, speed, changes, leaves, whereItLies }) => {
        const keys = pool.slice(0, size);
        const dict = new SimulatedDict(keys, seed);
        const others = pool.slice(MOST_KEYS);
        const leaving = keys.splice(Math.floor(size * 0.6));
        const options = { count, keys: size, maxSegments };
        const beforePage = (page: number): void => {
          dict.move(speed);
          for (const { bits, add, remove } of changes.filter((change) => change.page === page)) {
            for (const key of others.splice(0, add)) dict.add(key);
            for (const key of leaving.splice(0, remove)) dict.remove(key);
            dict.resize(bits);
          }
        };
        const at = new Map(leaves);
        const { seen } = readKeyspace(new KeyspaceScan(options), dict, {
          count,
          depth,
          beforePage,
          leaving: { options, at },
          whereItLies,
        });
        assert.deepEqual(lost(keys, seen), []);
      },
    ),
    runs(30),
  );
});

interface Liar {
  readonly keyspace: Keyspace;
  readonly keys: readonly Buffer[];
  /** What fast-check shows of it. */
  [fc.toStringMethod](): string;
}

function liar(name: string, keyspace: Keyspace, keys: readonly Buffer[]): Liar {
  return { keyspace, keys, [fc.toStringMethod]: () => name };
}

const place = fc.constantFrom<'high' | 'low' | 'remainder'>('high', 'low', 'remainder');
const stray = fc.constantFrom<'first' | 'last' | 'modulo'>('first', 'last', 'modulo');
const dbsize = fc.constantFrom<'all' | 'first'>('all', 'first');
const from = fc.constantFrom<0 | 1>(0, 1);
const weights = fc.array(fc.constantFrom(0, 1, 1, 1, 1, 9, 99), { minLength: 2, maxLength: 5 });

const proxies = fc
  .tuple(size, weights, seed, place, stray, dbsize, from)
  .map(([size, weights, seed, place, stray, dbsize, from]): Liar => {
    const sum = Math.max(
      1,
      weights.reduce<number>((sum, weight) => sum + weight, 0),
    );
    const keys: Buffer[] = [];
    const dicts = weights.map((weight, node) => {
      const own = pool.slice(keys.length, keys.length + Math.floor((size * weight) / sum));
      keys.push(...own);
      return new SimulatedDict(own, seed + node);
    });
    const order = [...dicts.keys()];
    if (seed % 3 === 0) order.reverse();
    if (seed % 3 === 1) order.push(...order.splice(0, seed % order.length));
    const name = `${weights.join('/')} of ${size}, order ${order.join()} from ${from}, ${place}, ${stray}, ${dbsize}`;
    return liar(name, nodes({ nodes: dicts, order, place, stray, dbsize, from }), keys);
  });

const counters = fc.tuple(size, fc.constantFrom('offsets', 'countdown')).map(([size, kind]): Liar => {
  const keys = pool.slice(0, size);
  return liar(`${kind} of ${size}`, kind === 'offsets' ? offsets(keys) : countdown(keys), keys);
});

const numbers = fc.oneof(
  fc.integer({ min: 1, max: 63 }).map(BigInt),
  fc.bigInt(1n, 2n ** 64n - 1n),
  fc.integer({ min: 0, max: 63 }).map((bit) => 1n << BigInt(bit)),
);
const unknown = fc.constantFrom<'end' | 'restart' | 'nearest'>('end', 'restart', 'nearest');
const shuffled = fc
  .tuple(size, fc.uniqueArray(numbers, { minLength: 7, maxLength: 60 }), unknown)
  .map(([size, pages, unknown]): Liar => {
    const keys = pool.slice(0, size);
    return liar(`tickets ${pages.join()} for ${size}, ${unknown}`, tickets(keys, [0n, ...pages], unknown), keys);
  });

for (const [kind, liars] of Object.entries({ proxies, counters, shuffled })) {
  test(`KeyspaceScan gives every key of liars: ${kind}`, () => {
    fc.assert(
      fc.property(
        liars,
        fc.record({ count, maxSegments, depth, leaves, whereItLies }),
        ({ keyspace, keys }, { count, maxSegments, depth, leaves, whereItLies }) => {
          const options = { count, keys: keyspace.size, maxSegments };
          const leaving = { options, at: new Map(leaves) };
          const { seen } = readKeyspace(new KeyspaceScan(options), keyspace, { count, depth, leaving, whereItLies });
          assert.equal(lost(keys, seen).length, 0);
        },
      ),
      runs(60),
    );
  });
}

function lost(keys: readonly Buffer[], seen: ReadonlyMap<Buffer, number>): string[] {
  return keys.filter((key) => !seen.has(key)).map(String);
}
