// Errors as the operator reads them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressError, ReplyError, RespError } from '../../resp/errors.ts';
import { errorText } from '../../src/cli/error-text.ts';

test('errorText() gives the message and the way out in one line', () => {
  assert.equal(errorText(new RespError('X', 'Cannot do it'), false), 'rump: Cannot do it\n');
  assert.equal(errorText(new AddressError('Cannot do it', 'do that'), false), 'rump: Cannot do it (do that)\n');
});

test('errorText() says of an error that nobody threw on purpose that it is one', () => {
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
