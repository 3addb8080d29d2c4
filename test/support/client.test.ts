// The witness must be right before it can judge: frames and client against a real server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteByByte, command, randomSplits, splitAt } from './frames.ts';
import { startServer } from './redis-server.ts';

test('TestClient.pipeline() brings back every reply in order, whatever its type and size', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const client = await server.client(3);
  const binary = Buffer.from('\0\r\n$-1\r\n\xff\xfe', 'latin1');
  const large = Buffer.alloc(64 * 1024 * 1024, binary);

  const replies = await client.pipeline([
    ['SET', binary, large],
    ['RPUSH', 'list', '', binary, 'x'],
    ['GET', binary],
    ['LRANGE', 'list', 0, -1],
    ['GET', 'absent'],
    ['INCR', 'list'],
    ['EVAL', "return {1, {}, {redis.error_reply('NO way'), {false, ARGV[1]}}, 'end'}", 0, binary],
    ['LRANGE', 'absent', 0, -1],
    ['PING'],
  ]);

  assert.deepEqual(replies.slice(0, 2), [Buffer.from('OK'), 3]);
  assert.ok(large.equals(replies[2] as Buffer), 'The large value came back changed');
  assert.deepEqual(replies.slice(3, 5), [[Buffer.alloc(0), binary, Buffer.from('x')], null]);
  assert.match(String(replies[5]), /WRONGTYPE/);
  assert.deepEqual(replies.slice(6), [
    [1, [], [new Error('NO way'), [null, binary]], Buffer.from('end')],
    [],
    Buffer.from('PONG'),
  ]);
  await assert.rejects(client.send('INCR', 'list'), /WRONGTYPE/);
});

test('splitAt(), byteByByte() and randomSplits() lose no byte', () => {
  const bytes = command('SET', 'key', Buffer.alloc(1000, 'value\r\n'));
  assert.equal(bytes.toString().slice(0, 22), '*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n');
  for (const pieces of [splitAt(bytes, [7, 3, 3, 0, 5000]), byteByByte(bytes), randomSplits(bytes, 1)]) {
    assert.ok(pieces.length > 2 && pieces.every((piece) => piece.length > 0));
    assert.ok(Buffer.concat(pieces).equals(bytes));
  }
  assert.deepEqual(randomSplits(bytes, 7), randomSplits(bytes, 7));
  assert.notDeepEqual(randomSplits(bytes, 7), randomSplits(bytes, 8));
});
