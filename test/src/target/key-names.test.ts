// What keys are called on the target.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KeyNames, type KeyNamesOptions } from '../../../src/target/key-names.ts';

function renamed(options: KeyNamesOptions, key: string): string {
  return new KeyNames(options).targetNameOf(Buffer.from(key)).toString();
}

function both(options: KeyNamesOptions): boolean[] {
  const names = new KeyNames(options);
  return [names.changes, names.mayCollide];
}

describe('KeyNames.targetNameOf()', () => {
  test('takes one prefix away, then adds the other', () => {
    for (const [options, key, name] of [
      [{ stripPrefix: 'old:' }, 'old:a', 'a'],
      [{ stripPrefix: 'old:' }, 'old:old:a', 'old:a'],
      [{ stripPrefix: 'old:' }, 'old:', ''],
      [{ stripPrefix: 'old:' }, 'old', 'old'],
      [{ stripPrefix: 'old:' }, 'Old:a', 'Old:a'],
      [{ addPrefix: 'new:' }, 'a', 'new:a'],
      [{ addPrefix: 'new:' }, '', 'new:'],
      [{ stripPrefix: 'old:', addPrefix: 'new:' }, 'old:a', 'new:a'],
      [{ stripPrefix: 'old:', addPrefix: 'new:' }, 'a', 'new:a'],
      [{ addPrefix: 'é:' }, 'ü', 'é:ü'],
    ] as const) {
      assert.equal(renamed(options, key), name, `${JSON.stringify(options)} on ${key}`);
    }
  });

  test('gives the very same Buffer where the name stays', () => {
    const key = Buffer.from('a:x');
    for (const options of [
      {},
      { stripPrefix: '', addPrefix: '' },
      { stripPrefix: 'b:' },
      { stripPrefix: 'a:', addPrefix: 'a:' },
    ]) {
      assert.equal(new KeyNames(options).targetNameOf(key), key);
    }
  });

  test('leaves the key that it was given as it was', () => {
    const key = Buffer.from([0x61, 0x3a, 0x00, 0xff]);
    const names = new KeyNames({ stripPrefix: 'a:', addPrefix: 'b:' });
    assert.deepEqual(names.targetNameOf(key), Buffer.from([0x62, 0x3a, 0x00, 0xff]));
    assert.deepEqual(key, Buffer.from([0x61, 0x3a, 0x00, 0xff]));
  });
});

test('KeyNames.changes and KeyNames.mayCollide say what can happen to any key', () => {
  assert.deepEqual(both({}), [false, false]);
  assert.deepEqual(both({ stripPrefix: '', addPrefix: '' }), [false, false]);
  assert.deepEqual(both({ addPrefix: 'a' }), [true, false]);
  assert.deepEqual(both({ stripPrefix: 'a' }), [true, true]);
  assert.deepEqual(both({ stripPrefix: 'a', addPrefix: 'a' }), [true, true]);
});

test('KeyNames.isStripped() says which keys lose a prefix', () => {
  const names = new KeyNames({ stripPrefix: 'a:' });
  assert.deepEqual(
    ['a:x', 'a:', 'a', 'x', ''].map((key) => names.isStripped(Buffer.from(key))),
    [true, true, false, false, false],
  );
  assert.equal(new KeyNames({}).isStripped(Buffer.from('a:x')), false);
});
