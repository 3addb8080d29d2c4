// How many DUMPs may be under way: few at first, many for small values, and few again as soon as large ones come.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DumpWindow } from '../../../src/redis/dump-window.ts';

const MEBIBYTE = 1024 * 1024;

function after(most: number, sizes: readonly number[]): number {
  const window = new DumpWindow(most);
  for (const size of sizes) window.observe(size);
  return window.size;
}

test('DumpWindow starts with eight keys, before any size is known', () => {
  assert.equal(new DumpWindow(2048).size, 8);
});

test('DumpWindow opens to the most that it may for small values, and no further', () => {
  assert.equal(
    after(
      2048,
      Array.from({ length: 1000 }, () => 70),
    ),
    2048,
  );
  assert.equal(
    after(
      16_384,
      Array.from({ length: 1000 }, () => 0),
    ),
    16_384,
  );
});

test('DumpWindow closes at once when a large value comes', () => {
  const small = Array.from({ length: 10_000 }, () => 70);
  assert.ok(after(2048, [...small, 4 * MEBIBYTE]) <= 2);
  assert.ok(after(2048, [...small, MEBIBYTE]) <= 8);
});

test('DumpWindow never closes below two, so that the line is not idle between values', () => {
  assert.equal(after(2048, [512 * MEBIBYTE]), 2);
  assert.equal(
    after(
      2048,
      Array.from({ length: 5000 }, () => 64 * MEBIBYTE),
    ),
    2,
  );
});

test('DumpWindow forgets one large value among many small ones', () => {
  assert.equal(after(2048, [64 * MEBIBYTE, ...Array.from({ length: 5000 }, () => 70)]), 2048);
});

for (const every of [50, 300]) {
  test(`DumpWindow keeps the bytes on the way bounded when one value in ${every} is large`, () => {
    const window = new DumpWindow(16_384);
    const mean = (4 * MEBIBYTE) / every;
    for (let i = 0; i < 20_000; i++) {
      window.observe(i % every === 0 ? 4 * MEBIBYTE : 70);
      if (i > 5000) assert.ok(window.size * mean <= 16 * MEBIBYTE, `${window.size} keys at value ${i}`);
    }
  });
}

test('DumpWindow closes where values take the source longer than they may, and opens again', () => {
  const window = new DumpWindow(16_384, 10, 1);
  for (let i = 0; i < 2000; i++) window.observe(2000);
  window.took(1000, 2_000_000, 25);
  window.observe(2000);
  assert.ok(window.size > 400 && window.size < 480, `${window.size} keys`);
  window.took(400, 800_000, 1);
  window.observe(2000);
  assert.ok(window.size > 4000, `${window.size} keys`);
});

test('DumpWindow stays open where replies come late whatever it does', () => {
  const window = new DumpWindow(1024, 10, 1);
  for (let i = 0; i < 2000; i++) window.observe(70);
  for (let i = 0; i < 1000; i++) {
    window.took(1, 70, i === 0 ? 0.01 : 500);
    window.observe(70);
  }
  assert.ok(window.size > 100, `${window.size} keys`);
});
