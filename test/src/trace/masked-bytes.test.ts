// Secrets in bytes: none is left, however the bytes are cut, and nothing else changes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, assert as check, constantFrom, integer, property } from 'fast-check';
import { Secrets } from '../../../resp/secrets.ts';
import { MaskedBytes } from '../../../src/trace/masked-bytes.ts';
import { runs } from '../../support/tier.ts';

function masked(text: string, secrets: readonly string[], cut = text.length): string {
  const parts: Buffer[] = [];
  const mask = new MaskedBytes(new Secrets(secrets), (bytes) => parts.push(Buffer.from(bytes)));
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += cut) mask.push(bytes.subarray(at, at + cut));
  mask.end();
  return Buffer.concat(parts).toString();
}

test('MaskedBytes hides a secret in each form that it may have, and keeps every length', () => {
  const secret = 'päss "word"';
  const quoted = String.raw`p\xc3\xa4ss \"word\"`;
  const base64 = Buffer.from(secret).toString('base64');
  const text = `a ${secret} b ${quoted} c ${encodeURIComponent(secret)} d ${base64} e`;
  for (const cut of [text.length, 1, 5]) {
    const left = masked(text, [secret], cut);
    assert.match(left, /^a \*+ b \*+ c \*+ d \*+ e$/);
    assert.equal(Buffer.byteLength(left), Buffer.byteLength(text));
  }
});

test('MaskedBytes hides secrets that overlap, and a short one only where it is a whole string', () => {
  assert.equal(masked('xabcdefghix', ['abcdef', 'defghi']), 'x*********x');
  assert.equal(masked('$2\r\nok\r\n+ok\r\nokay', ['ok']), '$2\r\n**\r\n+ok\r\nokay');
});

test('MaskedBytes hides what a connection ends within', () => {
  assert.equal(masked('*2\r\n$4\r\nAUTH\r\n$6\r\nhush-', ['hush-hush']), '*2\r\n$4\r\nAUTH\r\n$6\r\n*****');
});

test('MaskedBytes hides the same however the bytes are cut', () => {
  check(
    property(
      array(constantFrom('hush', 'hu', 'sh', 'h', 's', '\r\n', 'x'), { maxLength: 30 }),
      integer({ min: 1, max: 7 }),
      (pieces, cut) => {
        const text = `${pieces.join('')}.`;
        const left = masked(text, ['hush', 'shhu'], cut);
        assert.equal(left, masked(text, ['hush', 'shhu']));
        assert.ok(!left.includes('hush') && !left.includes('shhu'));
      },
    ),
    runs(300),
  );
});
