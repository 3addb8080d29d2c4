// Views are Buffers like any other, of the memory that they were made over.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { View } from '../../../src/rdb/byte-strings.ts';

test('new View() is what subarray() would have given', () => {
  const bytes = Buffer.from('..abc..');
  const view = new View(bytes.buffer, bytes.byteOffset + 2, 3);
  assert.ok(Buffer.isBuffer(view));
  assert.equal(Object.getPrototypeOf(view), Object.getPrototypeOf(bytes));
  assert.deepEqual(view, bytes.subarray(2, 5));
  assert.equal(view.toString(), 'abc');
  bytes[2] = 0x78;
  assert.equal(view.toString(), 'xbc');
});

test('new View() refuses what is beyond the memory', () => {
  const memory = new ArrayBuffer(8);
  assert.throws(() => new View(memory, 6, 3), RangeError);
});
