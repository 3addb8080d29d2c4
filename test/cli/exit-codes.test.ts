// What a script that calls rump can tell from the exit code.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressError, ReplyError } from '../../resp/errors.ts';
import { exitCodeOf } from '../../src/cli/exit-codes.ts';
import { Interrupted } from '../../src/cli/interrupted.ts';
import { UsageError } from '../../src/cli/usage-error.ts';

test('exitCodeOf() is 0 only when everything was copied', () => {
  const result = { keys: 5, bytes: 5, converted: 0, skipped: 2, expired: 1, failed: 0, reconnects: 3, elapsed: 1 };
  assert.equal(exitCodeOf({ result }), 0);
  assert.equal(exitCodeOf({ result: { ...result, failed: 1 } }), 1);
});

test('exitCodeOf() tells usage, interruption and the rest apart', () => {
  for (const [error, code] of [
    [new UsageError('x'), 2],
    [new AddressError('x'), 2],
    [new Interrupted('SIGINT'), 130],
    [new Interrupted('SIGTERM'), 143],
    [new ReplyError('OOM x'), 1],
    [new TypeError('x'), 1],
    [undefined, 1],
  ] as const) {
    assert.equal(exitCodeOf({ error }), code);
  }
});
