// Exit codes for each end of a run.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectFailure, connectTimeout, lostConnection } from '../../resp/connect-failure.ts';
import { AddressError, ConnectionError, ReplyError, RespError, TimeoutError } from '../../resp/errors.ts';
import { exitCodeOf } from '../../src/cli/exit-codes.ts';
import { UsageError } from '../../src/cli/flags/kinds.ts';
import { Interrupted } from '../../src/cli/show/output.ts';

test('exitCodeOf() is 0 only when everything was copied', () => {
  const result = { keys: 5, bytes: 5, converted: 0, skipped: 2, expired: 1, failed: 0, reconnects: 3, elapsed: 1 };
  assert.equal(exitCodeOf({ result }), 0);
  assert.equal(exitCodeOf({ result: { ...result, failed: 1 } }), 1);
});

test('exitCodeOf() distinguishes usage errors, signals, errors that may pass, and others', () => {
  for (const [error, code] of [
    [new UsageError('x'), 2],
    [new AddressError('x'), 2],
    [new Interrupted('SIGINT'), 130],
    [new Interrupted('SIGTERM'), 143],
    [new Interrupted('SIGHUP'), 129],
    [new ReplyError('ERR x'), 1],
    [new ReplyError('OOM x'), 75],
    [new RespError('SELECT', 'x', { cause: new ReplyError('LOADING x') }), 75],
    [new RespError('WRONGPASS', 'x', { cause: new ReplyError('WRONGPASS x') }), 1],
    [new TimeoutError('x'), 75],
    [new RespError('NODE', 'x', { cause: new TimeoutError('x') }), 75],
    [new TypeError('x'), 1],
    [undefined, 1],
  ] as const) {
    assert.equal(exitCodeOf({ error }), code);
  }
});

test('exitCodeOf() before the run has begun is 75 only for errors that are waited for, for who is not there, and for slots that nobody serves', () => {
  for (const [error, code] of [
    [new ConnectionError('ECONNREFUSED', 'x', { retryable: true }), 75],
    [new RespError('ECONNREFUSED', 'x', { cause: new ConnectionError('ECONNREFUSED', 'x', { retryable: true }) }), 75],
    [connectTimeout(1, { peer, tls: undefined, hints: undefined, connected: false }), 75],
    [connectTimeout(1, { peer, tls: {}, hints: undefined, connected: true }), 1],
    [connectFailure(reset, { peer, tls: undefined, hints: undefined, connected: false }), 75],
    [connectFailure(reset, { peer, tls: {}, hints: undefined, connected: true }), 75],
    [lostConnection(undefined, { ...life, heard: true }), 75],
    [lostConnection(undefined, { ...life, heard: false }), 75],
    [lostConnection(Object.assign(new Error('x'), { code: 'EPIPE' }), { ...life, heard: false }), 75],
    [new ConnectionError('ENOTFOUND', 'x', { retryable: true }), 1],
    [new ConnectionError('CERT_HAS_EXPIRED', 'x'), 1],
    [new TimeoutError('x'), 1],
    [refused('OOM x'), 1],
    [refused('LOADING x'), 75],
    [refused('ERR max number of clients reached'), 75],
    [new RespError('CLUSTERDOWN', 'x'), 75],
    [new RespError('CLUSTERDOWN', 'x', { retryable: true }), 75],
  ] as const) {
    assert.equal(exitCodeOf({ error }, false), code);
  }
});

const peer = { host: 'h', port: 1 };
const life = { peer, tls: undefined, hints: undefined, asked: false };
const reset = Object.assign(new Error('reset'), { code: 'ECONNRESET' });

function refused(words: string): RespError {
  return new RespError('X', 'x', { retryable: true, cause: new ReplyError(words) });
}
