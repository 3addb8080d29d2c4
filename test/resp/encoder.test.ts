// Commands as bytes: where a chunk ends, what goes by reference, and that nothing is overwritten before it has left.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from '../../resp/command.ts';
import { Encoder } from '../../resp/encoder.ts';
import { Literal } from '../../resp/literal.ts';
import { bulk, command } from '../support/frames.ts';

const CHUNK = 64 * 1024;
const BY_REFERENCE = 16 * 1024;

function encoded(encode: (encoder: Encoder) => void): Buffer {
  const pieces: Buffer[] = [];
  const encoder = new Encoder(() => pieces.push(...encoder.take().pieces));
  encode(encoder);
  return Buffer.concat([...pieces, ...encoder.take().pieces]);
}

test('Encoder writes a command with its arguments as one frame', () => {
  const bytes = encoded((encoder) => {
    encoder.command(new Command('SCAN', 3));
    encoder.text('0');
    encoder.literal(new Literal('$5\r\nCOUNT\r\n'));
    encoder.integer(1000);
  });
  assert.deepEqual(bytes, command('SCAN', '0', 'COUNT', 1000));
});

test('Encoder.text() counts bytes, not characters', () => {
  assert.deepEqual(
    encoded((encoder) => encoder.text('pâté €')),
    bulk('pâté €'),
  );
});

const INTEGERS = [
  0,
  1,
  9,
  10,
  11,
  99,
  100,
  999,
  1000,
  65_535,
  99_999,
  10 ** 6,
  10 ** 7 - 1,
  10 ** 8,
  999_999_999,
  10 ** 9,
];
const LARGE = [
  10 ** 9 + 1,
  2 ** 31,
  2 ** 32,
  10 ** 10 - 1,
  10 ** 12,
  1_700_000_000_123,
  10 ** 15 + 7,
  9_007_198_999_999_999,
];

const BEYOND_NUMBERS = [2n ** 53n + 1n, 2n ** 32n * 10n ** 9n + 7n, 2n ** 63n - 1n];

for (const value of [...INTEGERS, ...LARGE, Number.MAX_SAFE_INTEGER, ...BEYOND_NUMBERS]) {
  test(`Encoder.integer() writes ${value} digit by digit`, () => {
    assert.equal(String(encoded((encoder) => encoder.integer(value))), String(bulk(String(value))));
  });
}

test('Encoder.bulk() writes strings of every length around its borders', () => {
  const borders = [
    0,
    1,
    9,
    10,
    31,
    32,
    33,
    99,
    100,
    1000,
    BY_REFERENCE - 1,
    BY_REFERENCE,
    BY_REFERENCE + 1,
    CHUNK,
    3 * CHUNK,
  ];
  for (const length of borders) {
    const value = Buffer.from(Array.from({ length }, (_, i) => (i * 31) & 0xff));
    assert.ok(encoded((encoder) => encoder.bulk(value)).equals(bulk(value)), `${length} bytes`);
  }
});

test('Encoder starts a new chunk wherever in a frame the old one is full', () => {
  const short = Buffer.from('0123456789');
  for (let room = 0; room < 160; room++) {
    const filler = Buffer.alloc(BY_REFERENCE - 100, 'f');
    const rest = Buffer.alloc(CHUNK - 4 * bulk(filler).length - room - 10, 'r');
    const bytes = encoded((encoder) => {
      for (let i = 0; i < 4; i++) encoder.bulk(filler);
      encoder.bulk(rest);
      encoder.command(new Command('RESTORE', 3));
      encoder.bulk(short);
      encoder.integer(123_456_789_012);
      encoder.bulk(Buffer.alloc(40, 'x'));
    });
    const tail = command('RESTORE', short, 123_456_789_012, 'x'.repeat(40));
    assert.ok(
      bytes.equals(Buffer.concat([...Array.from({ length: 4 }, () => bulk(filler)), bulk(rest), tail])),
      `${room} bytes left`,
    );
  }
});

test('Encoder hands out large strings themselves and small ones as copies', () => {
  const encoder = new Encoder(() => {});
  const large = Buffer.alloc(BY_REFERENCE, 'l');
  const small = Buffer.alloc(BY_REFERENCE - 1, 's');
  encoder.bulk(small);
  encoder.bulk(large);
  const { pieces } = encoder.take();
  assert.ok(pieces.includes(large));
  assert.ok(pieces.every((piece) => piece.buffer !== small.buffer));
});

test('Encoder says when it is time to take: behind a large string, and when a chunk is full', () => {
  let calls = 0;
  const encoder = new Encoder(() => {
    calls++;
    encoder.take();
  });
  for (let i = 0; i < 3; i++) encoder.bulk(Buffer.alloc(1000));
  assert.equal(calls, 0);
  encoder.bulk(Buffer.alloc(BY_REFERENCE));
  assert.equal(calls, 1);
  for (let i = 0; i < 70; i++) encoder.bulk(Buffer.alloc(1000));
  assert.equal(calls, 2);
});

test('Encoder.isEmpty tells whether there is something to take', () => {
  const encoder = new Encoder(() => {});
  assert.equal(encoder.isEmpty, true);
  encoder.integer(1);
  assert.equal(encoder.isEmpty, false);
  encoder.take();
  assert.equal(encoder.isEmpty, true);
  assert.deepEqual(encoder.take(), { pieces: [], spent: [], parts: [] });
  encoder.bulk(Buffer.alloc(BY_REFERENCE));
  assert.equal(encoder.isEmpty, false);
});

test('Encoder.reuse() takes chunks back, so that no new ones are made', () => {
  const encoder = new Encoder(() => {});
  const memory = new Set<ArrayBufferLike>();
  for (let i = 0; i < 5000; i++) {
    encoder.bulk(Buffer.alloc(500));
    if (i % 50 > 0) continue;
    const { pieces, spent } = encoder.take();
    for (const piece of pieces) memory.add(piece.buffer);
    encoder.reuse(spent);
  }
  assert.ok(memory.size <= 3, `${memory.size} chunks for 40`);
});

test('Encoder.reuse() keeps no more than a few chunks', () => {
  const encoder = new Encoder(() => {});
  for (let i = 0; i < 20_000; i++) encoder.bulk(Buffer.alloc(500));
  const { spent } = encoder.take();
  assert.ok(spent.length > 100);
  encoder.reuse(spent);
  const memory = new Set(spent.map(({ buffer }) => buffer));
  for (let i = 0; i < 20_000; i++) encoder.bulk(Buffer.alloc(500));
  const again = new Set(encoder.take().spent.map(({ buffer }) => buffer));
  assert.ok([...again].filter((chunk) => memory.has(chunk)).length <= 16);
});
