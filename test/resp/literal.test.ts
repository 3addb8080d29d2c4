// Bytes that are written by the word: every length, at every place.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Literal } from '../../resp/literal.ts';

test('Literal.writeTo() writes its bytes at any place and returns where they end', () => {
  const text = '*3\r\n$4\r\nSCAN\r\n$5\r\nCOUNT\r\n';
  for (let length = 0; length <= text.length; length++) {
    for (let start = 0; start < 9; start++) {
      const bytes = Buffer.alloc(64, 0xee);
      const literal = new Literal(text.slice(0, length));
      const end = literal.writeTo(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), start);
      assert.equal(literal.length, length);
      assert.equal(end, start + length);
      assert.equal(bytes.toString('latin1', start, end), text.slice(0, length));
    }
  }
});

test('Literal.writeTo() touches nothing before it and at most three bytes behind it', () => {
  for (let length = 0; length < 20; length++) {
    const bytes = Buffer.alloc(64, 0xee);
    const end = new Literal('x'.repeat(length)).writeTo(new DataView(bytes.buffer, bytes.byteOffset, 64), 10);
    assert.ok(bytes.subarray(0, 10).every((byte) => byte === 0xee));
    assert.ok(bytes.subarray(end + 3).every((byte) => byte === 0xee));
  }
});

test('Literal takes one byte a character', () => {
  const bytes = Buffer.alloc(16);
  const literal = new Literal('\0\u00ff\u0080z');
  assert.equal(literal.writeTo(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0), 4);
  assert.deepEqual([...bytes.subarray(0, 4)], [0, 0xff, 0x80, 0x7a]);
});
