// The faults that other tests stand on: each must do what it says, and no more.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProxy, type TcpProxy } from './tcp-proxy.ts';

test('TcpProxy holds bytes up each way and keeps their order, and delayUp() those of clients alone', async (t) => {
  const { proxy, client } = await echo(t, { delay: 30 });
  const started = performance.now();
  for (const byte of 'abcdef') client.write(byte);
  const text = await read(client, 6);
  assert.equal(text.toString(), 'abcdef');
  assert.ok(performance.now() - started >= 58);
  proxy.delayUp(0);
  const changed = performance.now();
  client.write('g');
  assert.equal(String(await read(client, 1)), 'g');
  assert.ok(performance.now() - changed >= 28);
  assert.equal(proxy.bytesUp, 7);
  assert.equal(proxy.bytesDown, 7);
});

test('TcpProxy.cutAfter() lets exactly so many bytes through', async (t) => {
  const { proxy, client } = await echo(t);
  proxy.cutAfter(100_001, 'down');
  client.write(Buffer.alloc(1_000_000, 'x'));
  const received = await untilClosed(client);
  assert.equal(received, 100_001);
  assert.equal(proxy.connections, 0);
});

test('TcpProxy.hold() holds a connection back from these bytes on, and release() hands them on in order', async (t) => {
  const { proxy, client } = await echo(t);
  proxy.hold('cd', 'down');
  client.write('abcdef');
  assert.equal(String(await read(client, 2)), 'ab');
  client.write('gh');
  while (proxy.bytesUp < 8) await sleep(1);
  proxy.letPass();
  proxy.release();
  assert.equal(String(await read(client, 6)), 'cdefgh');
  assert.equal(proxy.met, 1);
});

test('TcpProxy.stall() lets the backpressure reach the sender, and unstall() loses nothing', async (t) => {
  const { proxy, client } = await echo(t);
  const bytes = Buffer.alloc(64 * 1024 * 1024, 'x');
  proxy.stall('up');
  for (let start = 0; start < bytes.length; start += 1024 * 1024)
    client.write(bytes.subarray(start, start + 1024 * 1024));
  for (let before = Infinity; client.writableLength < before; await sleep(200)) before = client.writableLength;
  assert.ok(client.writableLength > 0, 'The proxy read on');
  assert.equal(proxy.bytesUp, 0);
  proxy.unstall();
  assert.ok(bytes.equals(await read(client, bytes.length)));
});

test('TcpProxy.stall() holds back what is on its way already', async (t) => {
  const { proxy, client } = await echo(t, { delay: 300 });
  client.write('x');
  await sleep(20);
  proxy.stall();
  await sleep(350);
  assert.equal(proxy.bytesUp, 0);
  proxy.unstall();
  assert.equal(String(await read(client, 1)), 'x');
});

test('TcpProxy.reset() and refuse() are seen as such by the client', async (t) => {
  const { proxy, client } = await echo(t);
  client.write('x');
  await read(client, 1);
  proxy.refuse();
  proxy.reset();
  await assert.rejects(once(client, 'close'), { code: 'ECONNRESET' });
  await assert.rejects(once(createConnection(proxy.port), 'connect'), { code: 'ECONNREFUSED' });
  await proxy.accept();
  const again = createConnection(proxy.port);
  again.write('y');
  assert.equal(String(await read(again, 1)), 'y');
  assert.equal(proxy.connections, 1);
});

async function echo(t: TestContext, options = {}): Promise<{ proxy: TcpProxy; client: Socket }> {
  const server = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await startProxy({ port: (server.address() as { port: number }).port, ...options });
  const client = createConnection(proxy.port, '127.0.0.1');
  await once(client, 'connect');
  t.after(async () => {
    await proxy.close();
    server.close();
  });
  return { proxy, client };
}

async function read(socket: Socket, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  while (size < bytes) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    chunks.push(chunk);
    size += chunk.length;
  }
  return Buffer.concat(chunks);
}

/** By FIN or by RST: that is for the system to say, as bytes were on the way in the other direction. */
function untilClosed(socket: Socket): Promise<number> {
  let size = 0;
  socket.on('data', (chunk: Buffer) => (size += chunk.length)).on('error', () => {});
  return new Promise((resolve) => socket.once('close', () => resolve(size)));
}
