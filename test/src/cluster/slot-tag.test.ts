// A tag for every slot, and temporary names that stay in the slot of the name that they stand for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SLOTS, slotOf } from '../../../src/cluster/slot.ts';
import { tagOf } from '../../../src/cluster/slot-tag.ts';
import { temporaryNameFor } from '../../../src/target/temporary-name.ts';

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
