// Every key of an honest server: tables of all sizes, at rest and in motion, plain and in segments.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyspaceScan } from '../../../src/scan/keyspace-scan.ts';
import { assertComplete, COUNT, keysOf, read, readKeyspace } from '../../support/read-keyspace.ts';
import { SimulatedDict, type Keyspace } from '../../support/simulated-dict.ts';

for (const size of [0, 1, 3, 255, 256, 1000, 5000, 20_000, 70_000]) {
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

test('KeyspaceScan takes as many segments as it may where the table is large enough', () => {
  for (const maxSegments of [2, 4, 8, 16, 32]) {
    const reading = read(new SimulatedDict(keysOf(70_000)), maxSegments);
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
  assert.equal(read(new SimulatedDict(keysOf(70_000)), 1).wasSegmented, false);
  assert.equal(read(new SimulatedDict(keysOf(COUNT * 7)), 16).wasSegmented, false);
  assert.equal(read(new SimulatedDict(keysOf(70_000)), 16, 200).wasSegmented, false);
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
  [15, 16],
  [15, 17],
  [16, 14],
  [14, 18],
  [17, 11],
] as const) {
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
