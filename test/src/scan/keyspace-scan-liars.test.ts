// Servers and proxies that count their cursors otherwise while they claim to be Redis: no key of theirs may be lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countdown, nodes, offsets, tickets } from '../../support/lying-keyspaces.ts';
import { assertComplete, COUNT, keysOf, read } from '../../support/read-keyspace.ts';
import { SimulatedDict, type Keyspace } from '../../support/simulated-dict.ts';

/** Sizes around the one at which the cursor after the first page accidentally lies where Redis would put it. */
function accidentalSizes(cursor: number): number[] {
  const bits = cursor.toString(2);
  const share = Number.parseInt(bits.split('').toReversed().join(''), 2) / 2 ** bits.length;
  return [0.7, 0.9, 1, 1.1, 1.4].map((factor) => Math.round((cursor / share) * factor));
}

for (const count of [256, 260, 288, 300, 416, 512, 992, 1000, 1024]) {
  test(`KeyspaceScan loses no key where cursors are offsets, with a COUNT of ${count}`, () => {
    for (const size of [count * 9, count * 40, ...accidentalSizes(count)].filter((size) => size < 40_000)) {
      const keys = keysOf(size);
      for (const maxSegments of [1, 2, 8, 32]) {
        for (const keyspace of [offsets(keys), countdown(keys)]) {
          assertComplete(read(keyspace, maxSegments, count), keys, `${size} keys, ${maxSegments} segments`);
        }
      }
    }
  });
}

test('KeyspaceScan is deceived at first by offsets that fit, and scans anew', () => {
  const [fitting] = accidentalSizes(1000).slice(2);
  const reading = read(offsets(keysOf(fitting!)), 2, 1000);
  assert.deepEqual([reading.wasSegmented, reading.beganAnew], [true, true]);
});

/** Keys of each node. */
const SPREADS: readonly (readonly number[])[] = [
  [5000, 5000],
  [9000, 1000],
  [1000, 9000],
  [9900, 100],
  [100, 9900],
  [10_000, 0],
  [0, 10_000],
  [3300, 3300, 3300],
  [8400, 800, 800],
  [800, 800, 8400],
  [2500, 2500, 2500, 2500],
];
/** Numbers from 0 leave hardly any that name no node. */
const STRAYS = [
  [0, 'modulo'],
  [1, 'first'],
  [1, 'last'],
] as const;
const NODES = SPREADS.map((sizes) => {
  const keys = sizes.map((size, node) => keysOf(size, `node${node}`));
  return { name: sizes.join('/'), keys: keys.flat(), dicts: keys.map((own, node) => new SimulatedDict(own, node)) };
});

test('KeyspaceScan loses no key of several nodes in a plain scan', () => {
  for (const { name, keys, dicts } of NODES) {
    for (const place of ['high', 'low', 'remainder'] as const) {
      for (const order of [[...dicts.keys()], [...dicts.keys()].toReversed()]) {
        const proxy = nodes({ nodes: dicts, order, from: 0, place, stray: 'first', dbsize: 'all' });
        assertComplete(read(proxy, 1), keys, `${name}, ${place}`);
      }
    }
  }
});

for (const place of ['high', 'low', 'remainder'] as const) {
  for (const direction of ['ascending', 'descending'] as const) {
    for (const dbsize of ['all', 'first'] as const) {
      test(`KeyspaceScan loses no key where the node stands ${place} in the cursor, ${direction}, and DBSIZE tells of ${dbsize}`, () => {
        for (const { name, keys, dicts } of NODES) {
          const order = direction === 'ascending' ? [...dicts.keys()] : [...dicts.keys()].toReversed();
          for (const [from, stray] of STRAYS) {
            const proxy = nodes({ nodes: dicts, order, from, place, stray, dbsize });
            for (const maxSegments of [2, 8]) {
              const what = `${name} keys, numbers from ${from}, stray ${stray}, ${maxSegments} segments`;
              assertComplete(read(proxy, maxSegments), keys, what);
            }
          }
        }
      });
    }
  }
}

for (const unknown of ['end', 'restart', 'nearest'] as const) {
  test(`KeyspaceScan loses no key where cursors are tickets, and one that was never given means: ${unknown}`, () => {
    const keys = keysOf(COUNT * 16);
    const ascending = Array.from({ length: 16 }, (_, i) => BigInt(i));
    const wide = ascending.map((page) => BigInt.asUintN(64, page * 0x9e3779b97f4a7c15n));
    const reversed = [0, 4, 8, 12, 2, 6, 10, 14, 1, 5, 9, 13, 3, 7, 11, 15].map(BigInt);
    const fitting = [0n, 8n, 4n, 12n, 2n, 10n, 6n, 14n, 1n, 9n, 5n, 13n, 3n, 11n, 7n, 15n];
    for (const pages of [
      ascending,
      wide,
      reversed,
      fitting,
      [0n, 8n, ...ascending.slice(1, 8), ...ascending.slice(9)],
    ]) {
      for (const maxSegments of [1, 2, 4, 8, 16]) {
        assertComplete(read(tickets(keys, pages, unknown), maxSegments), keys, `${pages.join(' ')}: ${maxSegments}`);
      }
    }
  });
}

test('KeyspaceScan scans plainly where a cursor is not a number', () => {
  const keys = keysOf(20_000);
  const keyspace: Keyspace = {
    size: keys.length,
    scan(cursor, count) {
      const start = cursor === '0' ? 0 : Number(cursor.slice(1));
      const end = start + count;
      return { cursor: end < keys.length ? `_${end}` : '0', keys: keys.slice(start, end) };
    },
  };
  const reading = read(keyspace, 16);
  assertComplete(reading, keys);
  assert.equal(reading.wasSegmented, false);
});
