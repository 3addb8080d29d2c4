// Every key, of honest servers and of liars: tables of all sizes, at rest and in motion, plain and in segments.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyspaceScan } from '../../../src/scan/keyspace-scan.ts';
import { assertComplete, COUNT, keysOf, read, readKeyspace } from '../../support/read-keyspace.ts';
import { SimulatedDict, type Keyspace } from '../../support/simulated-dict.ts';
import { variants } from '../../support/tier.ts';
import { countdown, nodes, offsets, tickets } from '../../support/lying-keyspaces.ts';

for (const size of [0, 1, 3, 255, 256, 1000, 5000, 20_000]) {
  test(`KeyspaceScan gives each of ${size} keys of a quiet table exactly once, plain and in 2 to 32 segments`, () => {
    const keys = keysOf(size);
    const dict = new SimulatedDict(keys);
    for (const maxSegments of [1, 2, 4, 8, 16, 32]) {
      const reading = read(dict, maxSegments);
      assertComplete(reading, keys);
      assert.deepEqual(
        [...reading.seen.values()].filter((times) => times !== 1),
        [],
      );
      assert.equal(reading.beganAnew, false);
    }
  });
}

test('KeyspaceScan takes as many segments as it may where the table is large enough, and gives each key once', () => {
  const keys = keysOf(70_000);
  const dict = new SimulatedDict(keys);
  for (const maxSegments of [2, 4, 8, 16, 32]) {
    const reading = read(dict, maxSegments);
    assertComplete(reading, keys);
    assert.ok(keys.every((key) => reading.seen.get(key) === 1));
    assert.equal(reading.wasSegmented, true);
    assert.equal(reading.inFlight, maxSegments);
  }
});

test('KeyspaceScan keeps its segments, and gives each key once, with few pages in flight', () => {
  const keys = keysOf(20_000);
  const dict = new SimulatedDict(keys);
  for (const depth of [1, 2, 3, 7, 15]) {
    const scan = new KeyspaceScan({ count: COUNT, keys: keys.length, maxSegments: 16 });
    const reading = readKeyspace(scan, dict, { count: COUNT, depth });
    assert.deepEqual([reading.wasSegmented, reading.beganAnew, reading.inFlight], [true, false, depth]);
    assert.ok(keys.every((key) => reading.seen.get(key) === 1));
  }
});

test('KeyspaceScan doubts no honest table, wherever its pages end', () => {
  const keys = keysOf(17_500);
  for (let seed = 0; seed < 25; seed++) {
    const reading = read(new SimulatedDict(keys, seed), 16);
    assert.deepEqual([reading.wasSegmented, reading.beganAnew], [true, false], `seed ${seed}`);
  }
});

test('KeyspaceScan gives its segments up as soon as a cursor goes back', () => {
  const keys = keysOf(20_000);
  const scan = new KeyspaceScan({ count: COUNT, keys: keys.length, maxSegments: 16 });
  const first = new SimulatedDict(keys).scan(scan.next()!, COUNT);
  scan.accept(first.cursor, first.keys);
  assert.equal(scan.next(), '8');
  assert.equal(scan.accept('16', first.keys).length, first.keys.length);
  assert.equal(scan.mode, 'plain');
  assert.equal(scan.next(), '0');
});

test('KeyspaceScan takes no segments where they are not allowed, or not worth it', () => {
  const dict = new SimulatedDict(keysOf(20_000));
  assert.equal(read(dict, 16).wasSegmented, true);
  assert.equal(read(dict, 1).wasSegmented, false);
  assert.equal(read(new SimulatedDict(keysOf(COUNT * 7)), 16).wasSegmented, false);
  assert.equal(read(dict, 16, 200).wasSegmented, false);
});

test('KeyspaceScan asks for one page at a time in a plain scan', () => {
  const reading = read(new SimulatedDict(keysOf(20_000)), 1);
  assert.equal(reading.inFlight, 1);
  assert.ok(reading.pages > 20);
});

test('KeyspaceScan goes on behind empty pages', () => {
  const keys = keysOf(40);
  const reading = read(new SimulatedDict(keys, 1, 16), 16, 10);
  assertComplete(reading, keys);
  assert.ok(reading.pages > 600);
});

for (const [from, to] of [
  ...variants<[number, number]>([14, 15], [15, 17], [14, 18]),
  ...variants<[number, number]>([15, 13], [16, 14], [17, 11]),
]) {
  test(`KeyspaceScan loses no key while a table of 2^${from} buckets becomes one of 2^${to}`, () => {
    const keys = keysOf(20_000);
    for (const maxSegments of [1, 16]) {
      for (const start of [1, 9, 30]) {
        for (const speed of [1000, 100_000]) {
          const dict = new SimulatedDict(keys, start, from);
          const scan = new KeyspaceScan({ count: COUNT, keys: keys.length, maxSegments });
          const reading = readKeyspace(scan, dict, {
            count: COUNT,
            beforePage: (page) => {
              if (page === start) dict.resize(to);
              dict.move(speed);
            },
          });
          assertComplete(reading, keys, `${maxSegments} segments, page ${start}, ${speed} buckets a page`);
        }
      }
    }
  });
}

test('KeyspaceScan loses no key that stays while others come and go', () => {
  const keys = keysOf(20_000);
  for (const churn of [-1000, -100, 100, 1000]) {
    const others = keysOf(20_000, 'other');
    const dict = new SimulatedDict([...keys, ...(churn < 0 ? others : [])]);
    const scan = new KeyspaceScan({ count: COUNT, keys: dict.size, maxSegments: 16 });
    const reading = readKeyspace(scan, dict, {
      count: COUNT,
      beforePage: () => {
        for (const key of others.splice(0, Math.abs(churn))) {
          if (churn < 0) dict.remove(key);
          else dict.add(key);
        }
      },
    });
    assertComplete(reading, keys, `churn ${churn}`);
  }
});

test('KeyspaceScan.fraction grows from 0 to 1', () => {
  for (const maxSegments of [1, 16]) {
    const dict = new SimulatedDict(keysOf(20_000));
    const scan = new KeyspaceScan({ count: COUNT, keys: dict.size, maxSegments });
    const fractions = [scan.fraction];
    const beforePage = (): void => void fractions.push(scan.fraction);
    readKeyspace(scan, dict, { count: COUNT, depth: 1, beforePage });
    fractions.push(scan.fraction);
    assert.equal(fractions[0], 0);
    assert.equal(fractions.at(-1), 1);
    assert.deepEqual(
      fractions,
      fractions.toSorted((a, b) => a - b),
    );
  }
});

test('KeyspaceScan begins anew when fewer keys were seen than both DBSIZEs tell of', () => {
  const keys = keysOf(20_000);
  const scan = new KeyspaceScan({ count: COUNT, keys: keys.length + 1, maxSegments: 16 });
  const dict = new SimulatedDict(keys);
  const forgetful: Keyspace = { size: keys.length + 1, scan: (cursor, count) => dict.scan(cursor, count) };
  const reading = readKeyspace(scan, forgetful, { count: COUNT });
  assertComplete(reading, keys);
  assert.equal(reading.beganAnew, true);
});

test('KeyspaceScan keeps its segments when keys were removed meanwhile', () => {
  const keys = keysOf(20_000);
  const dict = new SimulatedDict(keys);
  const scan = new KeyspaceScan({ count: COUNT, keys: dict.size, maxSegments: 16 });
  const gone = keys.slice(0, 1000);
  const beforePage = (): void => gone.splice(0, 40).forEach((key) => dict.remove(key));
  const reading = readKeyspace(scan, dict, { count: COUNT, beforePage });
  assertComplete(reading, keys.slice(1000));
  assert.equal(reading.beganAnew, false);
});

test('KeyspaceScan goes on where another one was left, in its segments, and gives each key of a quiet table once', () => {
  const keys = keysOf(20_000);
  for (const maxSegments of [1, 16]) {
    const options = { count: COUNT, keys: keys.length, maxSegments };
    const at = new Map([1, 2, 3, 17, 18, 40, 60].map((page) => [page, 0]));
    const dict = new SimulatedDict(keys);
    const reading = readKeyspace(new KeyspaceScan(options), dict, { count: COUNT, leaving: { options, at } });
    assert.deepEqual([reading.wasSegmented, reading.beganAnew], [maxSegments > 1, false]);
    assert.ok(keys.every((key) => reading.seen.get(key) === 1));
    assert.ok(reading.pages < 100, `${reading.pages} pages were read for 80`);
  }
});

test('KeyspaceScan.refuse() gives the segments up and scans plainly', () => {
  const keys = keysOf(20_000);
  const dict = new SimulatedDict(keys);
  const scan = new KeyspaceScan({ count: COUNT, keys: keys.length, maxSegments: 16 });
  const first = dict.scan(scan.next()!, COUNT);
  scan.accept(first.cursor, first.keys);
  assert.equal(scan.mode, 'segmented');
  for (let i = 0; i < 5; i++) scan.next();
  for (let i = 0; i < 5; i++) assert.equal(scan.refuse(), true);
  assert.equal(scan.mode, 'plain');
  assertComplete(readKeyspace(scan, dict, { count: COUNT }), keys);
});

test('KeyspaceScan.refuse() ends a plain scan', () => {
  const scan = new KeyspaceScan({ count: COUNT, keys: 20_000, maxSegments: 1 });
  scan.next();
  assert.equal(scan.refuse(), false);
});

/** Sizes around the one at which the cursor after the first page accidentally lies where Redis would put it. */
function accidentalSizes(cursor: number): number[] {
  const bits = cursor.toString(2);
  const share = Number.parseInt(bits.split('').toReversed().join(''), 2) / 2 ** bits.length;
  return [0.7, 0.9, 1, 1.1, 1.4].map((factor) => Math.round((cursor / share) * factor));
}

for (const count of [...variants(256, 260, 288, 300, 416, 512), ...variants(1000, 992, 1024)]) {
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
  for (const direction of variants('ascending', 'descending')) {
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
