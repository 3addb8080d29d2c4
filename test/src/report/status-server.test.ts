// The HTTP server that shows a run: who is answered, who is not, and what nobody can hold of it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { StatusServer, type StatusLimits } from '../../../src/report/status-server.ts';

const TEXT = 'text/plain; charset=utf-8';
const LARGE = Buffer.alloc(32 * 1024 * 1024, 'x');
const BODIES: Readonly<Record<string, string | Buffer>> = { '/': 'page', '/status': 'status', '/large': LARGE };

interface Opened {
  readonly server: StatusServer;
  readonly port: number;
  /** How often something was answered. */
  readonly asked: string[];
}

async function open(t: TestContext, limits: Partial<StatusLimits> = {}, host = '127.0.0.1'): Promise<Opened> {
  const asked: string[] = [];
  const server = await StatusServer.open({
    host,
    port: 0,
    limits,
    isUrgent: (path) => path === '/healthz',
    answer(path) {
      asked.push(path);
      if (path === '/broken') throw new Error('it cannot be made');
      const { [path]: body } = BODIES;
      return body === undefined ? undefined : { status: 200, type: TEXT, body, policy: "default-src 'self'" };
    },
  });
  t.after(() => server.close());
  return { server, port: Number(new URL(server.url).port), asked };
}

interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function get(port: number, options: { path?: string; method?: string; headers?: object } = {}): Promise<Got> {
  const { path = '/', method = 'GET', headers = {} } = options;
  const asked = request({ host: '127.0.0.1', port, path, method, headers: { ...headers }, agent: false });
  asked.end();
  const [response] = (await once(asked, 'response')) as [import('node:http').IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks).toString() };
}

async function connected(t: TestContext, port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ host, port });
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** All that comes until it hangs up. */
async function said(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1'))).resume();
  if (!socket.destroyed) await once(socket, 'close');
  return text;
}

async function saidTo(t: TestContext, port: number, bytes: string | Buffer): Promise<string> {
  const socket = await connected(t, port);
  socket.write(bytes);
  return said(socket);
}

test('StatusServer answers what there is, by GET and HEAD, and nothing may keep or share it', async (t) => {
  const { port, asked } = await open(t);
  const got = await get(port, { headers: { Origin: 'http://evil.example' } });
  assert.deepEqual([got.status, got.body, got.headers['content-type']], [200, 'page', TEXT]);
  assert.equal(got.headers['cache-control'], 'no-store');
  assert.equal(got.headers['content-security-policy'], "default-src 'self'; frame-ancestors 'none'");
  assert.equal(got.headers['x-content-type-options'], 'nosniff');
  const shared = Object.keys(got.headers).filter((name) => name.startsWith('access-control'));
  assert.deepEqual(shared, []);
  const head = await get(port, { method: 'HEAD', path: '/status' });
  assert.deepEqual([head.status, head.body, head.headers['content-length']], [200, '', '6']);
  assert.deepEqual(asked, ['/', '/status']);
});

test('StatusServer refuses what would write, and reads nothing of it', async (t) => {
  const { port, asked } = await open(t);
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE']) {
    const { status, headers } = await get(port, { method });
    assert.deepEqual([status, headers.allow], [405, 'GET, HEAD'], method);
  }
  const endless = await saidTo(t, port, 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\nx');
  assert.match(endless, /^HTTP\/1\.1 405 (?:.+\r\n)+Connection: close\r\n/);
  const chunked = await saidTo(t, port, 'GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n');
  assert.match(chunked, /^HTTP\/1\.1 200 (?:.+\r\n)+Connection: close\r\n/);
  assert.deepEqual(asked, ['/']);
});

test('StatusServer has nothing at any other path', async (t) => {
  const { port } = await open(t);
  const paths = [
    '/../../etc/passwd',
    '/%2e%2e/status',
    '//',
    '/status/',
    '/./status',
    '*',
    'http://x/status',
    '/\\status',
  ];
  for (const path of ['constructor', '/__proto__', ...paths]) {
    const text = await saidTo(t, port, `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    assert.match(text, /^HTTP\/1\.1 40[04] /, path);
  }
  assert.equal((await get(port, { path: '/status?x=/../..' })).body, 'status');
});

test('StatusServer on this machine alone is reached by none of its other addresses, and answers for no other host', async (t) => {
  const { server, port, asked } = await open(t);
  assert.ok(server.isLocal);
  const others = Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.flatMap(({ address, internal, family }) => (internal || family !== 'IPv4' ? [] : [address])),
  );
  for (const host of ['127.0.0.2', ...others]) {
    await assert.rejects(once(connect({ host, port }), 'connect'), { code: 'ECONNREFUSED' }, host);
  }
  const foreign = [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    '[::2]',
    'localhost:1:2',
  ];
  for (const host of foreign) assert.equal((await get(port, { headers: { Host: host } })).status, 421, host);
  assert.match(await saidTo(t, port, 'GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 421 /);
  assert.match(await saidTo(t, port, 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 421 /);
  assert.deepEqual(asked, []);
  for (const host of ['localhost', 'LOCALHOST:8080', '127.0.0.1:1', '[::1]:9121'])
    assert.equal((await get(port, { headers: { Host: host } })).status, 200, host);
});

test('StatusServer that others can reach answers by whatever name they have for it', async (t) => {
  const { server, port } = await open(t, {}, '0.0.0.0');
  assert.ok(!server.isLocal);
  assert.equal((await get(port, { headers: { Host: 'pod.cluster.local:9121' } })).status, 200);
});

test('StatusServer hangs up on what is no request, and goes on', async (t) => {
  const { port, asked } = await open(t);
  assert.match(await saidTo(t, port, Buffer.from('\x16\x03\x01\x02\0\x01\0\xff\0', 'latin1')), /^HTTP\/1\.1 400 /);
  assert.match(await saidTo(t, port, '*1\r\n$4\r\nPING\r\n'), /^HTTP\/1\.1 400 /);
  const header = `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(9000)}\r\n\r\n`;
  assert.match(await saidTo(t, port, header), /^HTTP\/1\.1 431 /);
  await saidTo(t, port, 'CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.deepEqual(asked, []);
  assert.equal((await get(port)).status, 200);
});

test('StatusServer does not wait for requests that do not come', async (t) => {
  const { port } = await open(t, { requestMs: 500, keepAliveMs: 50 });
  const mute = await connected(t, port);
  const slow = await connected(t, port);
  slow.write('GET / HTTP/1.1\r\nHost: loc');
  const idle = await connected(t, port);
  idle.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const [, late, answered] = await Promise.all([said(mute), said(slow), said(idle)]);
  assert.match(late, /^HTTP\/1\.1 408 /);
  assert.match(answered, /^HTTP\/1\.1 200 /);
});

test('StatusServer does not wait for clients that do not read', async (t) => {
  const { port } = await open(t, { stalledMs: 20 });
  const deaf = await connected(t, port);
  deaf.write('GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n');
  deaf.pause();
  // Its timers are those of this process, and are due long before.
  await sleep(300);
  // What the system holds for it, and no more.
  assert.ok((await said(deaf)).length < LARGE.length);
});

test('StatusServer holds so many connections and no more, and lets those in that ask where others are idle', async (t) => {
  const { port } = await open(t, { connections: 8, requestMs: 60_000, restMs: 300 });
  const crowd = await Promise.all(Array.from({ length: 1000 }, () => connected(t, port)));
  const closed = (): number => crowd.filter(({ destroyed }) => destroyed).length;
  for (const socket of crowd) socket.resume();
  while (closed() < 992) await sleep(5);
  await sleep(50);
  assert.equal(closed(), 992);
  // Those that are left have rested for long by then.
  const answers: number[] = [];
  while (!answers.includes(200))
    answers.push(
      await get(port).then(
        ({ status }) => status,
        () => 0,
      ),
    );
  assert.ok(closed() >= 993);
});

test(
  'StatusServer lets a newcomer in where all places are taken by those that ask all the time',
  { timeout: 20_000 },
  async (t) => {
    const { port } = await open(t, { connections: 4, restMs: 60_000, keepAliveMs: 60_000 });
    const crowd = await Promise.all(Array.from({ length: 4 }, () => connected(t, port)));
    for (const socket of crowd) {
      socket.write('GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await once(socket, 'data');
    }
    // Once the server has seen that each has its answer.
    const answers: number[] = [];
    while (!answers.includes(200))
      answers.push(
        await get(port, { path: '/status' }).then(
          ({ status }) => status,
          () => 0,
        ),
      );
    assert.ok(!crowd[3]!.destroyed);
  },
);

test('StatusServer answers so many requests a second and no more, and each when it is its turn', async (t) => {
  const { port, asked } = await open(t, { requests: 50 });
  const begun = performance.now();
  await Promise.all(Array.from({ length: 30 }, () => get(port)));
  const seconds = (performance.now() - begun) / 1000;
  assert.equal(asked.length, 30);
  assert.ok(30 <= 50 * (seconds + 0.2) + 1, String(seconds));
});

test('StatusServer answers probes whoever else waits, and keeps no turn for who has hung up', async (t) => {
  const { port, asked } = await open(t, { requests: 2 });
  const others = await Promise.all(Array.from({ length: 20 }, () => connected(t, port)));
  for (const socket of others) socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.equal((await get(port, { path: '/healthz' })).status, 404);
  assert.ok(asked.length < 5, asked.join(' '));
  const gone = others.map((socket) => once(socket, 'close'));
  for (const socket of others) socket.destroy();
  await Promise.all(gone);
  const before = performance.now();
  await get(port);
  // Ten seconds, if each of them still had its turn.
  assert.ok(performance.now() - before < 5000);
});

test('StatusServer goes on where an answer cannot be made', async (t) => {
  const { port } = await open(t);
  assert.equal((await get(port, { path: '/broken' })).status, 500);
  assert.equal((await get(port)).status, 200);
});

test('StatusServer hangs up on who asks for more than it reads', { timeout: 10_000 }, async (t) => {
  const { port, asked } = await open(t, { requests: 1 });
  await saidTo(t, port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(100));
  assert.ok(asked.length <= 8, String(asked.length));
});

test('StatusServer.close() answers who waits for the end, and hangs up on all others at once', async (t) => {
  const { server, port, asked } = await open(t);
  const idle = await connected(t, port);
  const slow = await connected(t, port);
  slow.write('GET / HTTP/1.1\r\n');
  const waiting = [0, 1, 2].map(() => get(port, { path: '/status', headers: { Prefer: 'wait=10' } }));
  const impatient = await get(port, { path: '/status', headers: { Prefer: 'wait=nonsense' } });
  assert.equal(impatient.body, 'status');
  assert.equal(asked.length, 1);
  // Nobody is waited for: that would never end.
  t.mock.method(globalThis, 'setTimeout', () => ({ unref: () => {} }));
  server.close();
  assert.deepEqual(
    (await Promise.all(waiting)).map(({ body, headers }) => [body, headers.connection]),
    waiting.map(() => ['status', 'close']),
  );
  await Promise.all([said(idle), said(slow)]);
  await assert.rejects(once(connect({ host: '127.0.0.1', port }), 'connect'), { code: 'ECONNREFUSED' });
});

test('StatusServer.open() says why it cannot listen', async (t) => {
  const { port } = await open(t);
  for (const [options, message] of [
    [{ host: '127.0.0.1', port }, `Cannot listen on 127.0.0.1:${port}: another process listens there`],
    [{ host: '192.0.2.1', port: 0 }, 'Cannot listen on 192.0.2.1:0: this machine has no such address'],
    [{ host: '2001:db8::1', port: 0 }, /^Cannot listen on \[2001:db8::1\]:0: /],
    [{ host: 'nowhere.invalid', port: 0 }, /^Cannot listen on nowhere\.invalid:0: (?:no host has|the name of)/],
  ] as const)
    await assert.rejects(StatusServer.open({ ...options, answer: noAnswer }), { name: 'RespError', message });
});

function noAnswer(): undefined {}
