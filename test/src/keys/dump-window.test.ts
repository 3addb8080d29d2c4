// How many DUMPs may be under way: few at first, many for small values, and few again as soon as large ones come.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TransferLimits } from '../../../src/server/transfer-limits.ts';
import { DumpWindow } from '../../../src/keys/dump-window.ts';

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
  assert.equal(after(2048, [64 * MEBIBYTE, ...Array.from({ length: 10_000 }, () => 70)]), 2048);
});

test('DumpWindow stays as wide as the mean allows where values of some KB are among small ones', () => {
  const window = new DumpWindow(1024);
  for (let i = 0; i < 1000; i++) window.observe(i % 10 === 0 ? 16 * 1024 : 300);
  const mean = (16 * 1024 + 9 * 300) / 10;
  assert.ok(window.size * mean > MEBIBYTE / 8, `${window.size} keys`);
});

test('DumpWindow asks a near source for little, and for more over a line, so that neither side is idle', () => {
  const sizes = Array.from({ length: 1000 }, () => 8 * 1024);
  const opened = (roundTrip: number): number => {
    const window = new DumpWindow(16_384, { ms: Infinity }, roundTrip);
    for (const size of sizes) window.observe(size);
    return window.size * 8 * 1024;
  };
  assert.ok(opened(0.05) < MEBIBYTE);
  assert.ok(opened(2) > 2 * MEBIBYTE);
  assert.ok(opened(100) <= 8 * MEBIBYTE);
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

/** A window after so many looks at keys of 70 bytes, of which `msOf` says when all that were on the way have come. */
function watched(looks: number, roundTrip: number, msOf: (keys: number, look: number) => number): number {
  const window = new DumpWindow(16_384, { ms: 40 }, roundTrip);
  for (let i = 0; i < 2000; i++) window.observe(70);
  for (let look = 0; look < looks; look++) {
    const keys = Math.floor(window.size);
    window.took(keys, 70 * keys, msOf(keys, look));
    window.observe(70);
  }
  return window.size;
}

/** 20 µs a key: 10 ms are 500 keys. */
function slow(keys: number): number {
  return 1 + keys * 0.02;
}

test('DumpWindow closes where values take the source longer than they may, and opens again', () => {
  const closed = watched(200, 1, slow);
  assert.ok(closed > 400 && closed < 900, `${closed} keys`);
  const opened = watched(201, 1, (keys, look) => (look < 200 ? slow(keys) : 1));
  assert.ok(opened > 5000, `${opened} keys`);
});

test('DumpWindow opens as far on a long line, where few keys take as long as many', () => {
  const window = new DumpWindow(16_384, { ms: 40 }, 100);
  for (let i = 0; i < 300; i++) {
    window.took(2, 140, 105);
    window.observe(70);
  }
  assert.ok(window.size > 500, `${window.size} keys`);
});

test('DumpWindow stays open where replies come late whatever it does', () => {
  const size = watched(1000, 1, (_, look) => (look === 0 ? 0.01 : 500));
  assert.ok(size > 500, `${size} keys`);
});

test('DumpWindow.foresee() opens it before the first payload, and says nothing any more once one has come', () => {
  const window = new DumpWindow(2048);
  for (let i = 0; i < 200; i++) window.foresee(100);
  assert.equal(window.size, 2048);
  window.observe(1024 * 1024);
  const { size } = window;
  assert.ok(size < 2048, `${size} keys`);
  for (let i = 0; i < 200; i++) window.foresee(100);
  assert.equal(window.size, size);
});

test('DumpWindow opens again by what has passed since a connection broke', () => {
  const limits = new TransferLimits(64 * MEBIBYTE);
  const window = new DumpWindow(1024, { ms: Infinity }, 100, limits);
  limits.broke(MEBIBYTE);
  for (let i = 0; i < 100; i++) window.observe(256 * 1024);
  const { size } = window;
  for (let i = 0; i < 4000; i++) window.observe(256 * 1024);
  assert.ok(window.size >= 3 * size, `${window.size} of ${size}`);
});
