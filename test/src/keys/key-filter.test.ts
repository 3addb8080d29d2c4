// The filter never forgets a key, and seldom knows one that it was not given.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { KeyFilter } from '../../../src/keys/key-filter.ts';

test('KeyFilter.has() is true for every key that was added, however many', () => {
  const keys = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.array(keys, { maxLength: 300 }), fc.nat(50), (added, expected) => {
      const filter = new KeyFilter(expected);
      for (const key of added) filter.add(key);
      for (const key of added) assert.ok(filter.has(key));
    }),
  );
});

test('KeyFilter.has() is hardly ever true for another key while there are no more than were expected', () => {
  const filter = new KeyFilter(60_000);
  for (let i = 0; i < 60_000; i++) filter.add(Buffer.from(`key:${i}`));
  let mistakes = 0;
  for (let i = 0; i < 200_000; i++) if (filter.has(Buffer.from(`other:${i}`))) mistakes++;
  assert.ok(mistakes < 20, `${mistakes} mistakes`);
});
