// A table of hashes against a plain set: what was added and not deleted is there, and nothing else, however close the hashes are.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { NameTable } from '../../src/flow/name-table.ts';
import { runs } from '../support/tier.ts';

/** Few slots and few hashes: runs that wrap around the end of the table, and halves that are 0. */
const SLOTS = 32;
const half = fc.oneof(fc.nat(3), fc.integer({ min: SLOTS - 3, max: SLOTS + 2 }), fc.constant(2 ** 32 - 1));
const what = fc.constantFrom('add', 'add', 'add', 'delete', 'delete');
const steps = fc.array(fc.record({ what, high: half, low: half }), { maxLength: 120, size: 'max' });

/** A low half of 0 is the same as one of 1. */
function idOf(high: number, low: number): string {
  return `${high} ${low || 1}`;
}

test('NameTable holds what was added and not deleted, and nothing else', () => {
  fc.assert(
    fc.property(steps, (steps) => {
      const table = new NameTable(SLOTS);
      const expected = new Set<string>();
      for (const { what, high, low } of steps) {
        if (table.isFull) table.grow();
        if (what === 'add') {
          table.add(high, low);
          expected.add(idOf(high, low));
        } else {
          table.delete(high, low);
          expected.delete(idOf(high, low));
        }
        assert.equal(table.size, expected.size);
        for (const other of steps) {
          assert.equal(table.has(other.high, other.low), expected.has(idOf(other.high, other.low)));
        }
      }
    }),
    runs(200),
  );
});

test('NameTable.keepBelow() leaves the hashes below, and those alone', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(half, half), { maxLength: 20 }), half, (hashes, bound) => {
      const table = new NameTable(SLOTS);
      for (const [high, low] of hashes) table.add(high, low);
      table.keepBelow(bound);
      for (const [high, low] of hashes) assert.equal(table.has(high, low), high < bound);
    }),
    runs(200),
  );
});
