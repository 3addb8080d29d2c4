// Circles of any length, entered anywhere, are found soon; a scan that ends is none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CursorLoop } from '../../../src/scan/cursor-loop.ts';

test('CursorLoop.repeats() finds a circle of any length within a few rounds', () => {
  fc.assert(
    fc.property(fc.nat(3000), fc.integer({ min: 1, max: 3000 }), (before, length) => {
      const loop = new CursorLoop();
      let steps = 0;
      const cursorOf = (step: number): number => (step < before ? step : before + ((step - before) % length));
      while (!loop.repeats(String(cursorOf(steps)))) steps++;
      assert.ok(steps >= before + length, `after ${steps} steps`);
      assert.ok(steps <= 2 * Math.max(before, length) + 2 * length, `after ${steps} steps`);
    }),
  );
});

test('CursorLoop.repeats() takes no scan for a circle whose cursors are all different', () => {
  const loop = new CursorLoop();
  for (let i = 0; i < 100_000; i++) assert.equal(loop.repeats(String(i)), false);
});
