// NameSet and NameHash: no name that was added is missed, whatever the budget, and every name has its pass.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NameHash } from '../../../src/verify/name-hash.ts';
import { HASH_RANGE, NameSet } from '../../../src/verify/name-set.ts';

const NAMES = Array.from({ length: 5000 }, (_, i) => Buffer.from(`key:${i}`));

test('NameSet has every name that it covers, and no other', () => {
  const names = new NameSet(new NameHash(), 0, 128 * 1024);
  for (const name of NAMES) names.add(0, name);
  assert.equal(names.upTo, HASH_RANGE);
  for (const name of NAMES) assert.ok(names.covers(0, name) && names.has(0, name), name.toString());
  for (const name of NAMES) assert.ok(!names.has(1, name), 'another database is another name');
  assert.ok(!names.has(0, Buffer.from('key:5000')) && !names.has(0, Buffer.alloc(0)));
});

test('NameSet covers less where the budget is small, and further passes cover the rest, each name once', () => {
  const hash = new NameHash();
  const covered = new Map<string, number>();
  let passes = 0;
  for (let from = 0; from < HASH_RANGE; passes++) {
    const names = new NameSet(hash, from, 8192);
    for (const name of NAMES) names.add(0, name);
    for (const name of NAMES) {
      if (!names.covers(0, name)) continue;
      assert.ok(names.has(0, name));
      covered.set(name.toString(), (covered.get(name.toString()) ?? 0) + 1);
    }
    from = names.upTo;
  }
  assert.ok(passes >= 5, `${passes} passes`);
  assert.equal(covered.size, NAMES.length);
  assert.ok([...covered.values()].every((times) => times === 1));
});

test('NameHash gives other hashes in every run', () => {
  const [one, other] = [new NameHash(), new NameHash()];
  for (const hash of [one, other]) hash.of(0, NAMES[0]!);
  assert.notDeepEqual([one.high, one.low], [other.high, other.low]);
});
