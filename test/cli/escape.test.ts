// Bytes that others chose, on the way to a terminal or a log.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { escapeControls, escapeJson, escapeKey } from '../../src/cli/escape.ts';

function unescapeKey(text: string): Buffer {
  const latin1 = text.replaceAll(/\\(?:x([0-9a-f]{2})|(.))/g, (_, hex: string | undefined, plain: string) =>
    hex === undefined ? plain : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(latin1, 'latin1');
}

test('escapeKey() leaves printable ASCII and escapes the rest', () => {
  assert.equal(escapeKey(Buffer.from('user:{1} ~!/[]')), 'user:{1} ~!/[]');
  assert.equal(escapeKey(Buffer.from('a\0b"\\é\n\u007F')), 'a\\x00b\\"\\\\\\xc3\\xa9\\x0a\\x7f');
});

test('escapeKey() gives printable ASCII from which any key can be had back', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.string().map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        const key = Buffer.from(bytes);
        const text = escapeKey(key);
        assert.match(text, /^[ -~]*$/);
        assert.deepEqual(unescapeKey(text), key);
      },
    ),
  );
});

test('escapeJson() leaves a text that means the same and has nothing in it that a terminal would obey', () => {
  const text = 'a\u202E\u2028\u007F\u009B\u{E0041}é😀';
  const json = escapeJson(JSON.stringify({ text }));
  assert.equal(json, String.raw`{"text":"a\u202e\u2028\u007f\u009b\udb40\udc41é😀"}`);
  assert.deepEqual(JSON.parse(json), { text });
});

test('escapeControls() disarms what a terminal would obey, and nothing else', () => {
  assert.equal(escapeControls('ERR \u001B[2Jgone\r\n\u009B é "x" \\'), 'ERR \\x1b[2Jgone\\x0d\\x0a\\x9b é "x" \\');
  assert.equal(
    escapeControls('a\u202Eb\u2066c\u200Fd\u2028e\uFEFFf'),
    'a\\u{202e}b\\u{2066}c\\u{200f}d\\u{2028}e\\u{feff}f',
  );
  assert.equal(escapeControls('\uD800 \u{E0041} 😀 日本'), '\\u{d800} \\u{e0041} 😀 日本');
});
