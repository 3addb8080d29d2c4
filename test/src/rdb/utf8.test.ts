// Whether bytes are text does not hang on where they are cut.
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { TextCheck, wholeCharacters } from '../../../src/rdb/utf8.ts';
import { runs } from '../../support/tier.ts';

test('wholeCharacters() cuts no character', () => {
  const text = Buffer.from('aü漢😀z');
  assert.deepEqual(
    Array.from({ length: text.length + 1 }, (_, end) => wholeCharacters(text, end)),
    [0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11],
  );
});

test('TextCheck finds what the whole is, however it is cut', () => {
  const text = fc.string({ unit: 'binary' }).map((text) => Buffer.from(text));
  const bytes = fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes));
  const string = fc
    .tuple(text, fc.oneof(bytes, fc.constant(Buffer.alloc(0))), text)
    .map((parts) => Buffer.concat(parts));
  fc.assert(
    fc.property(string, fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }), (bytes, lengths) => {
      const check = new TextCheck();
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const end = at + lengths[i % lengths.length]!;
        check.add(bytes.subarray(at, end));
        at = end;
      }
      assert.equal(check.isText, isUtf8(bytes));
    }),
    runs(300),
  );
});
