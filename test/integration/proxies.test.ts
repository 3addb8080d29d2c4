// Peers that know less than a Redis of today: what a copy can do without is not asked of them twice, what it needs is named.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { TestClient } from '../support/client.ts';
import {
  startMemoryServer,
  type MemoryServer,
  type MemoryServerOptions,
} from '../support/memory-server/memory-server.ts';
import { assertDone, assertRefused } from '../support/outcome.ts';
import { runRump } from '../support/rump.ts';

/** Envoy answers an error, twemproxy hangs up. */
for (const [what, way] of [
  ['do not know', 'unknown'],
  ['hang up on', 'hangsUpOn'],
] as const) {
  test(`rump copies between peers that ${what} CLIENT, SELECT and CONFIG`, async (t) => {
    const options = { [way]: ['CLIENT', 'SELECT', 'CONFIG'] };
    const [source, target] = await Promise.all([start(t, options), start(t, options)]);
    const [from, to] = await Promise.all([source, target].map(({ port }) => connect(t, port)));
    await from!.send('SET', 'key', 'value');
    assertDone(await runRump(['--from', source.url, '--to', target.url]));
    assert.equal(String(await to!.send('GET', 'key')), 'value');
  });
}

for (const [side, command] of [
  ['source', 'INFO'],
  ['source', 'SCAN'],
  ['source', 'DUMP'],
  ['target', 'RESTORE'],
] as const) {
  test(`rump refuses a ${side} without ${command} by host and side, and writes nothing`, async (t) => {
    const [poor, whole] = await Promise.all([start(t, { unknown: [command] }), start(t)]);
    const [from, to] = side === 'source' ? [poor, whole] : [whole, poor];
    await (await connect(t, from.port)).send('SET', 'key', 'value');
    assertRefused(await runRump(['--from', from.url, '--to', to.url]), {
      error: new RegExp(
        `at 127\\.0\\.0\\.1:${poor.port} as the ${side} there is no ${command} \\(where it is a proxy, `,
      ),
    });
    assert.equal(await (await connect(t, to.port)).send('DBSIZE'), 0);
  });
}

test('rump says of a user name before Redis 6 which one to leave out', async (t) => {
  const old = await listenTo(t, (socket) =>
    socket.on('data', () => socket.write("-ERR wrong number of arguments for 'auth' command\r\n")),
  );
  const { url } = await start(t);
  for (const [side, args] of [
    ['source', ['--from', `redis://me:hunter2@${old}`, '--to', url]],
    ['target', ['--from', url, '--to', `redis://me:hunter2@${old}`]],
  ] as const) {
    assertRefused(await runRump(args), {
      error: new RegExp(`Cannot log in to ${old}: .*before Redis 6 .*leave the user name of the ${side} out`),
    });
  }
});

/** The first and only words, whether the peer waits for ours or not. */
const DOORS: Readonly<Record<string, (words: string) => (socket: Socket) => void>> = {
  'before it is asked': (words) => (socket) => socket.end(words),
  'at the first question': (words) => (socket) => socket.once('data', () => socket.end(words)),
};

for (const [when, door] of Object.entries(DOORS)) {
  test(`rump says why a peer lets nobody in, where that says so ${when}`, async (t) => {
    const { url } = await start(t);
    const denied = await listenTo(t, door('-DENIED Redis is running in protected mode\r\n'));
    const full = await listenTo(t, door('-ERR max number of clients reached\r\n'));
    for (const login of ['', ':hunter2@']) {
      for (const ends of [(url: string) => ['--from', url], (url: string) => ['--to', url]]) {
        const other = ends('')[0] === '--from' ? ['--to', url] : ['--from', url];
        const run = (peer: string): ReturnType<typeof runRump> =>
          runRump([...ends(`redis://${login}${peer}`), ...other, '--retries', '1', '--retry-max', '1ms']);
        assertRefused(await run(denied), {
          error: new RegExp(`${denied}: DENIED .* protected mode \\(give it a password`),
        });
        const result = await run(full);
        assert.equal(result.code, 75, result.stderr);
        assert.match(result.stderr, new RegExp(`waiting for the (source|target) ${full}: ERR max number of clients`));
        assert.match(result.stderr, new RegExp(`${full}: ERR max number of clients reached \\(its maxclients`));
      }
    }
  });
}

async function start(t: TestContext, options?: MemoryServerOptions): Promise<MemoryServer> {
  const server = await startMemoryServer(options);
  t.after(() => server.stop());
  return server;
}

async function connect(t: TestContext, port: number): Promise<TestClient> {
  const client = await TestClient.connect({ port });
  t.after(() => client.close());
  return client;
}

/** @returns its host and port */
async function listenTo(t: TestContext, onConnection: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {}).resume();
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
