// Where something else than Redis listens, or nothing: the error names host and port, and comes soon.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { assertRefused } from '../support/outcome.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

const HANGS_UP = 'nothing, and hangs up';

for (const side of ['source', 'target'] as const) {
  test(`rump refuses a ${side} that nobody serves, by host and port`, async (t) => {
    const pair = await startPair(t);
    await pair[side].kill();
    assertRefused(await runRump(pair.endpoints), {
      code: 75,
      error: new RegExp(`Cannot connect to 127\\.0\\.0\\.1:${pair[side].port}: connection refused`),
    });
  });

  test(`rump refuses a ${side} that is not Redis`, async (t) => {
    const pair = await startPair(t);
    await pair.from.send('SET', 'key', 'value');
    const http = createHttpServer((_, response) => response.end('hello'));
    const servers: Record<string, Server> = {
      HTTP: http,
      noise: listenTo((socket) => socket.end('220 smtp.example.org ESMTP\r\n')),
      binary: listenTo((socket) => socket.end(Buffer.alloc(100_000, 0xff))),
      [HANGS_UP]: listenTo((socket) => socket.end()),
      'too many replies': listenTo((socket) => socket.on('data', () => socket.write('+OK\r\n'.repeat(100)))),
      'OK to everything': answering('+OK\r\n'),
      'nil to everything': answering('$-1\r\n'),
      '1 to everything': answering(':1\r\n'),
      'an empty array to everything': answering('*0\r\n'),
      'an error to everything': answering('-ERR not today\r\n'),
      'a promise of 4 GB': listenTo((socket) => socket.write('$4294967296\r\n')),
    };
    for (const [name, server] of Object.entries(servers)) {
      const port = await portOf(t, server);
      const args = pair.endpoints.map((word) => (word === pair[side].url ? `redis://127.0.0.1:${port}` : word));
      const result = await runRump([...args, '--timeout', '20s']);
      await t.test(name, () => {
        // A balancer that has no server now hangs up as well.
        const code = name === HANGS_UP ? 75 : 1;
        assertRefused(result, { code, error: new RegExp(`127\\.0\\.0\\.1:${port}`) });
        assert.ok(result.elapsed < 15_000, `It took ${result.elapsed} ms`);
      });
    }
    assert.equal(await pair.to.send('DBSIZE'), 0);
  });

  test(`rump --timeout bounds the wait for a ${side} that says nothing`, async (t) => {
    const pair = await startPair(t);
    const port = await portOf(
      t,
      listenTo(() => {}),
    );
    const args = pair.endpoints.map((word) => (word === pair[side].url ? `redis://127.0.0.1:${port}` : word));
    const result = await runRump([...args, '--timeout', '1s']);
    assertRefused(result, { error: new RegExp(`127\\.0\\.0\\.1:${port}: for 1 s it does not reply`) });
    assert.ok(result.elapsed > 1000 && result.elapsed < 30_000, `It took ${result.elapsed} ms`);
  });
}

function listenTo(onConnection: (socket: Socket) => void): Server {
  return createServer((socket) => {
    socket.on('error', () => {}).resume();
    onConnection(socket);
  });
}

function answering(reply: string): Server {
  return listenTo((socket) => {
    socket.on('data', (chunk) => socket.write(reply.repeat(chunk.toString().match(/^\*\d/gm)?.length ?? 0)));
  });
}

/** Ends with the test, and so do its connections. */
async function portOf(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}
