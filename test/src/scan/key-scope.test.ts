// Which keys are in scope, and how much of that SCAN can be told.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { slotOf, SlotSet } from '../../../src/cluster/slot.ts';
import { KeyScope, type KeyScopeOptions } from '../../../src/scan/key-scope.ts';

function included(options: KeyScopeOptions, ...keys: string[]): string[] {
  const scope = new KeyScope(options);
  return keys.filter((key) => scope.includes(Buffer.from(key)));
}

function pushed(options: KeyScopeOptions): string | undefined {
  return new KeyScope(options).pushedMatch?.toString();
}

function isAll(options: KeyScopeOptions): boolean {
  return new KeyScope(options).isAll;
}

describe('KeyScope.includes()', () => {
  const keys = ['user:1', 'user:2', 'order:1', 'tmp:user:1', ''];

  test('is true for every key without globs, and with one that leaves none out', () => {
    assert.deepEqual(included({}, ...keys), keys);
    assert.deepEqual(included({ match: [], exclude: [], type: 'hash' }, ...keys), keys);
    assert.deepEqual(included({ match: ['user:*', '*'] }, ...keys), keys);
  });

  test('is false for progress that a copy keeps at its target, unless that is asked for', () => {
    const progress = ['rump:checkpoint:{5798}', 'rump:checkpoint:{5798}:12'];
    const similar = ['rump:checkpoint:{x}', 'rump:checkpoint:{5798}:', 'rump:checkpoint', 'rumpx', 'r'];
    assert.deepEqual(included({}, ...progress, ...similar), similar);
    assert.deepEqual(included({ match: ['rump:*'], withCheckpoints: true }, ...progress), progress);
  });

  test('is true for a key that matches any glob', () => {
    assert.deepEqual(included({ match: ['user:*'] }, ...keys), ['user:1', 'user:2']);
    assert.deepEqual(included({ match: ['user:2', 'order:*'] }, ...keys), ['user:2', 'order:1']);
  });

  test('is false for a key that matches any glob of exclude, whatever else it matches', () => {
    assert.deepEqual(included({ exclude: ['tmp:*', '*:2'] }, ...keys), ['user:1', 'order:1', '']);
    assert.deepEqual(included({ match: ['user:*', 'order:1'], exclude: ['user:1'] }, ...keys), ['user:2', 'order:1']);
    assert.deepEqual(included({ match: ['*'], exclude: ['*'] }, ...keys), []);
  });

  test('takes a glob as the bytes of its UTF-8', () => {
    assert.deepEqual(included({ match: ['é*', '[^a-z]?'] }, 'éa', 'é', 'ea'), ['éa', 'é']);
  });
});

test('KeyScope.includes() takes names of its slots alone, wherever these lie', () => {
  const slots = new SlotSet([[slotOf(Buffer.from('{t}a')), slotOf(Buffer.from('{t}a'))]]);
  assert.deepEqual(included({ slots }, '{t}a', '{t}b', 'x{t}', 't{u}'), ['{t}a', '{t}b', 'x{t}']);
  assert.deepEqual(included({ slots, match: ['*a'] }, '{t}a', '{t}b', 'xa'), ['{t}a']);
  const scope = new KeyScope({ slots });
  assert.deepEqual([scope.hasAllNames, scope.hasAllOfSlots, scope.isAll], [false, true, false]);
  const page = Buffer.from('12{t}a34');
  assert.deepEqual([scope.mayInclude(page, 2, 6), scope.mayInclude(page, 3, 5)], [true, false]);
  assert.ok(!scope.ofType('set').includes(Buffer.from('other')));
});

test('KeyScope.pushedMatch is the one glob that SCAN can apply', () => {
  assert.equal(pushed({ match: ['user:*'] }), 'user:*');
  assert.equal(pushed({ match: ['é*'], exclude: ['x'] }), 'é*');
  assert.equal(pushed({ match: ['a', 'a'] }), 'a');
  assert.equal(pushed({ match: ['a', 'b'] }), undefined);
  assert.equal(pushed({ match: ['a', '*'] }), undefined);
  assert.equal(pushed({ match: ['*'] }), undefined);
  assert.equal(pushed({ exclude: ['a'] }), undefined);
});

test('KeyScope.isAll is true only where nothing is left out', () => {
  for (const options of [{}, { match: [] }, { match: ['*'] }, { match: ['a', '*'] }]) assert.ok(isAll(options));
  for (const options of [{ match: ['a*'] }, { match: ['**'] }, { exclude: ['a'] }, { type: 'set' }]) {
    assert.ok(!isAll(options));
  }
  assert.equal(new KeyScope({ type: 'ReJSON-RL' }).type, 'ReJSON-RL');
});
