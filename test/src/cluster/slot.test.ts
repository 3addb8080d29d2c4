// The slot of a key, against the specification bit by bit and the examples that the Redis documentation gives.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { slotOf } from '../../../src/cluster/slot.ts';
import { slotOfKey } from '../../support/cluster-slot.ts';

const slot = (key: string): number => slotOf(Buffer.from(key));

test('slotOf() is CRC16/XMODEM modulo 16384', () => {
  assert.equal(slot('123456789'), 0x31c3);
  assert.equal(slot(''), 0);
});

test('slotOf() takes the hash tag: from the first { to the first } behind it, unless it is empty', () => {
  assert.equal(slot('{user1000}.following'), slot('user1000'));
  assert.equal(slot('foo{{bar}}zap'), slot('{bar'));
  assert.equal(slot('foo{bar}{zap}'), slot('bar'));
  assert.equal(slot('a}{bar}'), slot('bar'));
  assert.notEqual(slot('foo{}{bar}'), slot('bar'));
  assert.notEqual(slot('foo{bar'), slot('bar'));
});

test('slotOf() agrees with the specification for any bytes', () => {
  const key = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.string({ unit: fc.constantFrom('{', '}', 'a', 'b'), maxLength: 8 }).map((text) => Buffer.from(text)),
  );
  fc.assert(fc.property(key, (bytes) => assert.equal(slotOf(Buffer.from(bytes)), slotOfKey(Buffer.from(bytes)))));
});
