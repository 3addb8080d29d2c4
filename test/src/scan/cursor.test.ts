// Cursors as places on a line, against numbers that can be checked by hand and against the rule by which Redis counts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { cursorAt, END, positionOf, shareBetween } from '../../../src/scan/cursor.ts';

const PLACES: readonly (readonly [string, bigint])[] = [
  ['0', 0n],
  ['1', END / 2n],
  ['2', END / 4n],
  ['3', (END / 4n) * 3n],
  ['8', END / 16n],
  ['9223372036854775808', 1n],
  ['18446744073709551615', END - 1n],
];

for (const [cursor, position] of PLACES) {
  test(`positionOf() and cursorAt() agree that ${cursor} has come as far as ${position}`, () => {
    assert.equal(positionOf(cursor), position);
    assert.equal(cursorAt(position), cursor);
  });
}

test('cursorAt() leads back from every position', () => {
  fc.assert(fc.property(fc.bigInt(0n, END - 1n), (position) => positionOf(cursorAt(position)) === position));
});

test('positionOf() grows with each step of a scan, whatever the size of the table', () => {
  for (let bits = 1n; bits <= 10n; bits++) {
    const mask = (1n << bits) - 1n;
    let cursor = 0n;
    let steps = 0;
    do {
      // The bits of the table are counted up from the highest one, as dictScan does.
      let bit = 1n << (bits - 1n);
      const before = cursor;
      for (; bit > 0n && (cursor & bit) !== 0n; bit >>= 1n) cursor ^= bit;
      cursor = (cursor | bit) & mask;
      steps++;
      if (cursor !== 0n) assert.ok(positionOf(String(cursor))! > positionOf(String(before))!);
    } while (cursor !== 0n);
    assert.equal(steps, 2 ** Number(bits));
  }
});

test('positionOf() knows no place for what is no 64-bit number', () => {
  for (const cursor of ['', '_key', '-1', '1.5', ' 1', '1e3', '0x10', '18446744073709551616', '9'.repeat(21)]) {
    assert.equal(positionOf(cursor), undefined, cursor);
  }
});

test('shareBetween() says how much of the keyspace lies between two positions', () => {
  assert.equal(shareBetween(0n, END), 1);
  assert.equal(shareBetween(END / 4n, END / 2n), 0.25);
  assert.equal(shareBetween(5n, 5n), 0);
  assert.equal(shareBetween(END, END / 2n), -0.5);
});
