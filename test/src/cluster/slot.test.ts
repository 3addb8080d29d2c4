// The slot of a key, and a hash tag for each slot.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slotOf, SLOTS, tagOf } from '../../../src/cluster/slot.ts';
import { slotOfKey } from '../../support/cluster-slot.ts';
import { temporaryNameFor } from '../../../src/target/internal-names.ts';
import * as fc from 'fast-check';

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

test('tagOf() has digits for every slot', () => {
  for (let slot = 0; slot < SLOTS; slot += 1) {
    const tag = tagOf(slot);
    assert.match(tag, /^\d+$/);
    assert.equal(slotOf(Buffer.from(`any{${tag}}thing`)), slot);
  }
});

test('temporaryNameFor() stays in the slot of the name, whatever braces it has, and never gives the same name twice', () => {
  for (const text of ['', 'plain', '{tag}', 'a}b', 'a{b', '{}x', 'x{}{y}', '\0\r\n', '{a}{b}']) {
    const name = Buffer.from(text);
    assert.equal(slotOf(temporaryNameFor(name)), slotOf(name), text);
    assert.notDeepEqual(temporaryNameFor(name), temporaryNameFor(name));
  }
});
