// Requests in every cut, and bytes that are none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteByByte, command, randomSplits } from '../frames.ts';
import { RequestParser } from './request-parser.ts';

const BINARY = Buffer.from('\0\r\n$-1\r\n*1\r\n\xff', 'latin1');

test('RequestParser.next() gives the same requests however they are cut', () => {
  const bytes = Buffer.concat([
    command('PING'),
    Buffer.from('*0\r\n'),
    command('SET', BINARY, ''),
    Buffer.from('*-1\r\n'),
    command('RESTORE', 'key', 0, Buffer.alloc(3000, BINARY)),
    command('GET', BINARY),
  ]);
  const whole = requestsIn([bytes]);
  assert.deepEqual(
    whole.map((request) => request.map((arg) => arg.toString('latin1'))),
    [
      ['PING'],
      ['SET', BINARY.toString('latin1'), ''],
      ['RESTORE', 'key', '0', Buffer.alloc(3000, BINARY).toString('latin1')],
      ['GET', BINARY.toString('latin1')],
    ],
  );
  assert.deepEqual(requestsIn(byteByByte(bytes)), whole);
  for (let seed = 1; seed <= 20; seed += 1) assert.deepEqual(requestsIn(randomSplits(bytes, seed)), whole);
});

test('RequestParser.next() refuses what is no request', () => {
  for (const [bytes, message] of [
    ['PING\r\n', "expected '*', got 'P'"],
    ['*1\r\n:1\r\n', "expected '$', got ':'"],
    ['*x\r\n', 'invalid multibulk length'],
    ['*1048577\r\n', 'invalid multibulk length'],
    ['*1\r\n$-1\r\n', 'invalid bulk length'],
    ['*1\r\n$536870913\r\n', 'invalid bulk length'],
    [`*${'1'.repeat(70_000)}`, 'too big count string'],
  ] as const) {
    assert.throws(() => requestsIn([Buffer.from(bytes)]), { message });
  }
});

function requestsIn(pieces: readonly Buffer[]): Buffer[][] {
  const parser = new RequestParser();
  const requests: Buffer[][] = [];
  for (const piece of pieces) {
    parser.push(piece);
    for (let request = parser.next(); request !== undefined; request = parser.next()) requests.push(request);
  }
  return requests;
}
