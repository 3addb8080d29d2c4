import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionError, RespError } from '../../../resp/errors.ts';
import { BREAKS, Breaks } from '../../../src/cluster/breaks.ts';

const ID = { db: 3, key: Buffer.from('key') };
const RESET = new ConnectionError('ECONNRESET', 'Lost the connection', { retryable: true });
const KIB = 1024;

test('Breaks: with each break the pieces are a quarter of what they were, and then the key fails by name', () => {
  const breaks = new Breaks('was sent');
  const sizes: number[] = [];
  let error: unknown = RESET;
  for (let bytes = 1024 * KIB; error === RESET; bytes = breaks.pieceBytesOf(ID)) {
    sizes.push(bytes / KIB);
    error = breaks.note(ID, bytes, RESET);
  }
  assert.deepEqual(sizes, [1024, 256, 64, 16, 16]);
  assert.ok(error instanceof RespError && error.code === BREAKS && !error.retryable);
  assert.equal(error.message, 'The connection was lost each time that it was sent (ECONNRESET)');
  assert.equal(breaks.pieceBytesOf(ID), Infinity);
});

test('Breaks: one connection may break for any reason, however small the pieces are', () => {
  const breaks = new Breaks('was asked for');
  assert.equal(breaks.note(ID, 10 * KIB, RESET), RESET);
  assert.equal(breaks.forget(ID), true);
  assert.equal(breaks.note(ID, 10 * KIB, RESET), RESET);
  assert.equal((breaks.note(ID, 10 * KIB, RESET) as RespError).code, BREAKS);
});

test('Breaks: a server that will not work now has broken nothing', () => {
  const breaks = new Breaks('was sent');
  const loading = new RespError('LOADING', 'Cannot write', { retryable: true });
  assert.equal(breaks.note(ID, Infinity, loading), loading);
  assert.equal(breaks.pieceBytesOf(ID), Infinity);
});

test('Breaks.forget() says whether there was anything', () => {
  const breaks = new Breaks('was sent');
  breaks.note(ID, 1024 * KIB, RESET);
  assert.equal(breaks.forget(ID), true);
  assert.equal(breaks.forget(ID), false);
});
