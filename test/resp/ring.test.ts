// The queue under everything that waits: order, growth, and that it holds on to nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Ring } from '../../resp/ring.ts';

test('Ring is empty at first', () => {
  const ring = new Ring<number>();
  assert.equal(ring.length, 0);
  assert.equal(ring.peek(), undefined);
  assert.equal(ring.last(), undefined);
  assert.equal(ring.shift(), undefined);
});

test('Ring.peek() and last() show both ends and take nothing', () => {
  const ring = new Ring<string>();
  for (const value of ['a', 'b', 'c']) ring.push(value);
  assert.deepEqual([ring.peek(), ring.last(), ring.length], ['a', 'c', 3]);
});

test('Ring keeps the order while it grows with its ends anywhere', () => {
  for (let offset = 0; offset < 40; offset++) {
    const ring = new Ring<number>();
    for (let i = 0; i < offset; i++) ring.push(-1);
    for (let i = 0; i < offset; i++) ring.shift();
    for (let i = 0; i < 100; i++) ring.push(i);
    assert.deepEqual(
      Array.from({ length: 100 }, () => ring.shift()),
      Array.from({ length: 100 }, (_, i) => i),
    );
    assert.equal(ring.shift(), undefined);
  }
});

test('Ring.clear() leaves an empty ring that can be used again', () => {
  const ring = new Ring<number>();
  for (let i = 0; i < 50; i++) ring.push(i);
  ring.clear();
  assert.deepEqual([ring.length, ring.peek(), ring.last()], [0, undefined, undefined]);
  ring.push(7);
  assert.deepEqual([ring.length, ring.shift(), ring.shift()], [1, 7, undefined]);
});

test('Ring behaves like an array, whatever is done in whatever order', () => {
  const push = fc.integer().map((value) => ({ push: value }));
  const steps = fc.array(fc.oneof({ weight: 3, arbitrary: push }, fc.constant('shift'), fc.constant('look')), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(steps, (steps) => {
      const ring = new Ring<number>();
      const model: number[] = [];
      for (const step of steps) {
        if (typeof step === 'object') {
          ring.push(step.push);
          model.push(step.push);
        } else if (step === 'shift') {
          assert.equal(ring.shift(), model.shift());
        }
        assert.deepEqual([ring.length, ring.peek(), ring.last()], [model.length, model[0], model.at(-1)]);
      }
    }),
  );
});
