// Payloads are right when a real server takes them and shows the same values, and wrong ones are refused in its words.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { TestClient, type Reply } from '../client.ts';
import type { Argument } from '../frames.ts';
import { startServer } from '../redis-server.ts';
import { assertSameData, snapshot } from '../snapshot.ts';
import { startMemoryServer } from './memory-server.ts';
import { crc64 } from '../crc64.ts';

const FAR_AWAY = 4_102_444_800_123;
const BINARY = Buffer.from('\0\r\n$-1\r\n\xff', 'latin1');
const LARGE = Buffer.alloc(70_000, BINARY);
const VERSION_OR_CHECKSUM = { message: 'ERR DUMP payload version or checksum are wrong' };
const BAD_FORMAT = { message: 'ERR Bad data format' };

test('crc64() is the CRC-64 of Redis', () => {
  assert.equal(crc64(Buffer.from('123456789')), 0xe9c6d914c4b8d9can);
});

test('DUMP gives payloads that a real server restores to the same values', async (t) => {
  const source = await memoryClient(t);
  const server = await startServer();
  t.after(() => server.stop());
  const target = await server.client();
  await fill(source);
  assert.ok((await snapshot(source)).size > 15);
  await copy(source, target);
  await assertSameData(source, target);
  // Backwards a stream is read by other marks.
  for (const key of ['stream', 'stream:long']) {
    const entries = (await target.send('XREVRANGE', key, '+', '-')) as Reply[];
    assert.deepEqual(entries.toReversed(), await source.send('XRANGE', key, '-', '+'));
  }
});

test('RESTORE refuses payloads that it cannot read, in the words of Redis', async (t) => {
  const client = await memoryClient(t);
  await client.pipeline([['SET', 'string', 'value']]);
  const payload = (await client.send('DUMP', 'string')) as Buffer;
  const newer = signed(payload.subarray(0, -10), 11);
  const older = signed(payload.subarray(0, -10), 6);
  const damaged = Buffer.from(payload);
  damaged[3]! ^= 1;
  for (const wrong of [newer, damaged, payload.subarray(2), Buffer.alloc(9)]) {
    await assert.rejects(client.send('RESTORE', 'absent', 0, wrong), VERSION_OR_CHECKSUM);
  }
  for (const bytes of [Buffer.of(0, 5, 1), Buffer.of(2, 2, 1, 0x61), Buffer.of(15, 1, 1, 0x61)]) {
    await assert.rejects(client.send('RESTORE', 'absent', 0, signed(bytes, 10)), BAD_FORMAT);
  }
  assert.equal(await client.send('EXISTS', 'absent'), 0);
  await client.send('RESTORE', 'absent', 0, older);
  assert.deepEqual(await client.send('GET', 'absent'), Buffer.from('value'));
});

test('RESTORE keeps to its options', async (t) => {
  const client = await memoryClient(t);
  await client.send('SET', 'key', 'old');
  const old = (await client.send('DUMP', 'key')) as Buffer;
  await client.send('SET', 'key', 'new');
  await assert.rejects(client.send('RESTORE', 'key', -1, old), /^Error: BUSYKEY/);
  await client.send('RESTORE', 'key', FAR_AWAY, old, 'ABSTTL', 'REPLACE', 'IDLETIME', 5);
  assert.deepEqual(await client.send('GET', 'key'), Buffer.from('old'));
  assert.equal(await client.send('PEXPIRETIME', 'key'), FAR_AWAY);

  await client.send('RESTORE', 'key', 10_000, old, 'replace', 'FREQ', 255);
  const left = (await client.send('PTTL', 'key')) as number;
  assert.ok(left > 5000 && left <= 10_000, String(left));

  await client.send('RESTORE', 'key', 0, old, 'REPLACE');
  assert.equal(await client.send('PTTL', 'key'), -1);

  assert.deepEqual(await client.send('RESTORE', 'past', 1, old, 'ABSTTL'), Buffer.from('OK'));
  assert.deepEqual(await client.send('RESTORE', 'key', 1, old, 'ABSTTL', 'REPLACE'), Buffer.from('OK'));
  assert.equal(await client.send('DBSIZE'), 0);
});

async function memoryClient(t: TestContext): Promise<TestClient> {
  const server = await startMemoryServer();
  const client = await TestClient.connect({ port: server.port });
  t.after(async () => {
    await client.close();
    await server.stop();
  });
  return client;
}

/** Every type, of a few elements and of many. */
async function fill(client: TestClient): Promise<void> {
  const all: Argument[] = ['', 0, -1, 4096, -(2 ** 40), '007', 'text', BINARY, LARGE];
  const commands: Argument[][] = [
    ...all.map((value, index) => ['SET', `string:${index}`, value]),
    ['SET', BINARY, BINARY],
    ['RPUSH', 'list', ...all, ...all],
    ['RPUSH', 'list:long', ...numbered('item', 2000)],
    ['SADD', 'set', ...all],
    ['SADD', 'set:integers', 1, 2, 3],
    ['HSET', 'hash', ...all.flatMap((value, index) => [value, all[all.length - 1 - index]!])],
    ['HSET', 'hash:long', ...numbered('item', 2000)],
    ['ZADD', 'zset', '-inf', 'a', 'inf', 'b', 0.1, 'c', '5e-324', 'e', '9007199254740993', BINARY],
    ['ZADD', 'zset:long', ...numbered('member', 1000).flatMap((member, index) => [index / 7, member])],
    ['XADD', 'stream', '5-9', 'field', 'value'],
    ['XADD', 'stream', '18446744073709551615-0', 'field', BINARY],
    ...numbered('value', 1000).map((value, i) => ['XADD', 'stream:long', `${i * 1000 + 1}-${i}`, 'n', value]),
  ];
  for (const key of ['string:3', 'list', 'set', 'hash', 'zset', 'stream', BINARY]) {
    commands.push(['PEXPIREAT', key, FAR_AWAY]);
  }
  for (const reply of await client.pipeline(commands)) assert.ok(!(reply instanceof Error), String(reply));
}

async function copy(source: TestClient, target: TestClient): Promise<void> {
  const [, keys] = (await source.send('SCAN', 0, 'COUNT', 1000)) as [Buffer, Buffer[]];
  const replies = await source.pipeline(
    keys.flatMap((key) => [
      ['DUMP', key],
      ['PEXPIRETIME', key],
    ]),
  );
  const restored = await target.pipeline(
    keys.map((key, index) => {
      const expireAt = Math.max(0, replies[index * 2 + 1] as number);
      return ['RESTORE', key, expireAt, replies[index * 2] as Buffer, 'ABSTTL'];
    }),
  );
  for (const [index, reply] of restored.entries()) {
    assert.ok(!(reply instanceof Error), `${keys[index]!.toString('latin1', 0, 40)}: ${String(reply)}`);
  }
}

function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}:${index}`);
}

function signed(value: Buffer, version: number): Buffer {
  const bytes = Buffer.concat([value, Buffer.alloc(10)]);
  bytes.writeUInt16LE(version, value.length);
  bytes.writeBigUInt64LE(crc64(bytes.subarray(0, -8)), value.length + 2);
  return bytes;
}
