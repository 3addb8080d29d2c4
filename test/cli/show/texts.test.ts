// Figures, keys and errors as text.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { AddressError, ReplyError, RespError } from '../../../resp/errors.ts';
import { escapeControls, escapeKey } from '../../../resp/escapes.ts';
import { formatDuration } from '../../../resp/figures.ts';
import { errorText, formatRate, formatSummary } from '../../../src/cli/show/texts.ts';
import { DONE } from './events.ts';

test('formatDuration() rounds before it chooses the unit', () => {
  for (const [ms, text] of [
    [0, '0.0 s'],
    [5432, '5.4 s'],
    [59_940, '59.9 s'],
    [59_960, '1 m 00 s'],
    [125_000, '2 m 05 s'],
    [3_599_700, '1 h 00 m'],
    [3_725_000, '1 h 02 m'],
  ] as const) {
    assert.equal(formatDuration(ms), text);
  }
});

test('formatRate() gives three digits, and is a number for no time at all', () => {
  assert.equal(formatRate(1_000_000, 5400), '185,000 keys/s');
  assert.equal(formatRate(5, 2000), '2.5 keys/s');
  assert.equal(formatRate(0, 0), '0 keys/s');
  assert.equal(formatRate(3, 0), '3,000 keys/s');
});

test('formatSummary() says everything in one line', () => {
  assert.equal(
    formatSummary(DONE),
    '1,000,000 keys, 81.2 MiB in 5.4 s (185,000 keys/s), 0 skipped, 3 expired on the way, 0 failed',
  );
  assert.match(formatSummary({ ...DONE, reconnects: 1 }), / 0 failed, 1 reconnect$/);
  assert.match(formatSummary({ ...DONE, reconnects: 1200 }), / 0 failed, 1,200 reconnects$/);
});

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

test('escapeKey() gives printable ASCII that can be decoded to the same key', () => {
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

test('escapeControls() disarms what a terminal would obey, and nothing else', () => {
  assert.equal(escapeControls('ERR \u001B[2Jgone\r\n\u009B é "x" \\'), 'ERR \\x1b[2Jgone\\x0d\\x0a\\x9b é "x" \\');
  assert.equal(
    escapeControls('a\u202Eb\u2066c\u200Fd\u2028e\uFEFFf'),
    'a\\u{202e}b\\u{2066}c\\u{200f}d\\u{2028}e\\u{feff}f',
  );
  assert.equal(escapeControls('\uD800 \u{E0041} 😀 日本'), '\\u{d800} \\u{e0041} 😀 日本');
});

test('errorText() gives the message and the way out in one line', () => {
  assert.equal(errorText(new RespError('X', 'Cannot do it'), false), 'rump: Cannot do it\n');
  assert.equal(errorText(new AddressError('Cannot do it', 'do that'), false), 'rump: Cannot do it (do that)\n');
});

test('errorText() marks unexpected errors as internal', () => {
  assert.equal(errorText(new TypeError('x is undefined'), false), 'rump: internal error: x is undefined\n');
  assert.equal(errorText('text', false), 'rump: internal error: text\n');
});

test('errorText() does not pass on what a terminal would obey', () => {
  assert.equal(errorText(new RespError('X', 'ERR \u001B[2J\n'), false), 'rump: ERR \\x1b[2J\\x0a\n');
  const cause = new ReplyError('ERR \u202E\n\u001B[2J');
  const traced = errorText(new RespError('X', 'ERR \n\u001B[2J', { cause }), true);
  assert.match(traced, /^rump: .*\n {2}\w+: ERR \\x0a\\x1b\[2J\n {6}at .*\n {2}\w+: ERR \\u\{202e\}\\x0a\\x1b\[2J\n$/s);
  assert.doesNotMatch(traced.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
});

test('errorText() gives the stacks of the error and its causes for debugging, and none of their properties', () => {
  const root = Object.assign(new Error('root'), { buffer: 'payload' });
  const text = errorText(
    new RespError('X', 'Cannot do it', { cause: new RespError('Y', 'since', { cause: root }) }),
    true,
  );
  assert.match(
    text,
    /^rump: Cannot do it\n {2}RespError: Cannot do it\n {6}at .*RespError: since\n.*Error: root\n {6}at /s,
  );
  assert.doesNotMatch(text, /payload/);
});
