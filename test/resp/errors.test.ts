// What a caller may decide by: codes, peers, causes, and names that tell the errors apart.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AddressError,
  ConnectionError,
  ProtocolError,
  ReadOnlyError,
  ReplyError,
  RespError,
  TimeoutError,
} from '../../resp/errors.ts';

const peer = { host: 'db.example', port: 6380 };

const CODES: readonly (readonly [string, string])[] = [
  ['ERR no such key', 'ERR'],
  ['WRONGPASS invalid username-password pair or user is disabled.', 'WRONGPASS'],
  ['OOM command not allowed when used memory > maxmemory.', 'OOM'],
  ['MOVED 3999 127.0.0.1:6381', 'MOVED'],
  ['NOAUTH', 'NOAUTH'],
  ['BUSY2_X more', 'BUSY2_X'],
  ['Invalid db', 'ERR'],
  ['NOPERM: no permissions', 'ERR'],
  ['', 'ERR'],
  [' WRONGPASS', 'ERR'],
  ['lower case', 'ERR'],
];

for (const [text, code] of CODES) {
  test(`ReplyError has the code ${code} for ${JSON.stringify(text)}`, () => {
    const error = new ReplyError(text, peer);
    assert.equal(error.code, code);
    assert.equal(error.message, text);
    assert.deepEqual([error.host, error.port], ['db.example', 6380]);
  });
}

test('Every error is a RespError with a stable code and a name of its own', () => {
  const errors = [
    new AddressError('no', 'way out'),
    new ConnectionError('ECONNREFUSED', 'no', { peer }),
    new TimeoutError('no', { peer }),
    new ProtocolError('no', { peer }),
    new ReadOnlyError('SET', peer),
    new ReplyError('OOM no', peer),
  ];
  assert.ok(errors.every((error) => error instanceof RespError && error instanceof Error));
  assert.deepEqual(
    errors.map(({ name, code }) => [name, code]),
    [
      ['AddressError', 'ADDRESS'],
      ['ConnectionError', 'ECONNREFUSED'],
      ['TimeoutError', 'TIMEOUT'],
      ['ProtocolError', 'PROTOCOL'],
      ['ReadOnlyError', 'READ_ONLY'],
      ['ReplyError', 'OOM'],
    ],
  );
});

test('RespError.retryable is false where nothing else is said, and true for a timeout', () => {
  assert.equal(new ConnectionError('CERT_HAS_EXPIRED', 'no', { peer }).retryable, false);
  assert.equal(new ConnectionError('ECONNREFUSED', 'no', { peer, retryable: true }).retryable, true);
  assert.equal(new TimeoutError('no', { peer }).retryable, true);
  const others = [
    new RespError('X', 'no'),
    new AddressError('no'),
    new ProtocolError('no'),
    new ReplyError('LOADING no'),
  ];
  assert.ok(others.every(({ retryable }) => !retryable));
});

test('RespError carries its cause and the way out, and has no cause where none was given', () => {
  const cause = new Error('deep');
  const error = new RespError('X', 'Cannot do it', { cause, hint: 'try otherwise', peer });
  assert.equal(error.cause, cause);
  assert.equal(error.hint, 'try otherwise');
  assert.ok(!('cause' in new RespError('X', 'Cannot do it')));
  assert.equal(new RespError('X', 'Cannot do it').host, undefined);
});

test('ReadOnlyError names the command and never more than that', () => {
  assert.equal(new ReadOnlyError('CLIENT KILL').message, 'Cannot send CLIENT KILL: this connection only reads');
});
