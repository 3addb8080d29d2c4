// Connections over TLS to real servers: whom they trust, and that they carry what plain ones carry.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createConnection, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { Connection, type ConnectionOptions } from '../../resp/connection.ts';
import type { TlsOptions } from '../../resp/tls-options.ts';
import { authority, certificates, otherAuthority } from '../support/certificates.ts';
import { simple } from '../support/frames.ts';
import { HOST, withPeer, withTlsPeer } from '../support/peer.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { startProxy } from '../support/tcp-proxy.ts';

const { client, expired, otherName, selfSigned } = certificates;
const TRUST: TlsOptions = { ca: authority.cert };

let redis: TestServer;
let mutual: TestServer;
let other: TestServer;
let old: TestServer;
let lonely: TestServer;
before(async () => {
  [redis, mutual, other, old, lonely] = await Promise.all([
    startServer({ tls: 'server' }),
    startServer({ tls: 'mutual' }),
    startServer({ tls: 'server', certificate: otherName }),
    startServer({ tls: 'server', certificate: expired }),
    startServer({ tls: 'server', certificate: selfSigned }),
  ]);
});
after(() => Promise.all([redis, mutual, other, old, lonely].map((server) => server.stop())));

function open(
  { port, host = HOST }: { readonly port: number; readonly host?: string },
  tls: TlsOptions | undefined,
  options: Partial<ConnectionOptions> = {},
): Promise<Connection> {
  return Connection.open({
    peer: { host, port },
    tls,
    connectTimeout: 5000,
    timeout: 5000,
    ...options,
  });
}

async function ping(...args: Parameters<typeof open>): Promise<string> {
  const connection = await open(...args);
  try {
    return String(await connection.request('PING'));
  } finally {
    connection.close();
  }
}

const TRUSTED: readonly (readonly [what: string, server: () => TestServer, tls: TlsOptions, host?: string])[] = [
  ['the authority that signed for its IP address', () => redis, TRUST],
  ['the authority that signed for its name', () => redis, TRUST, 'localhost'],
  ['an authority that comes as bytes', () => redis, { ca: Buffer.from(authority.cert) }],
  ['several authorities', () => redis, { ca: `${otherAuthority.cert}\n${authority.cert}` }],
  ['a certificate that signed itself, named as the authority', () => lonely, { ca: selfSigned.cert }],
  ['the name that was given in place of the host', () => other, { ...TRUST, servername: 'other.example' }],
  ['an IP address that was given in place of the host', () => redis, { ...TRUST, servername: '::1' }, 'localhost'],
  ['whoever it is, under insecure', () => lonely, { insecure: true }],
  ['an expired certificate under insecure', () => old, { ...TRUST, insecure: true }],
  ['another name under insecure', () => other, { ...TRUST, insecure: true }],
  ['a server that trusts our certificate', () => mutual, { ...TRUST, cert: client.cert, key: client.key }],
];

for (const [what, server, tls, host = HOST] of TRUSTED) {
  test(`Connection over TLS trusts ${what}`, async () => {
    assert.equal(await ping({ port: server().port, host }, tls), 'PONG');
  });
}

test('Connection over TLS verifies whatever the environment says', async () => {
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  try {
    await assert.rejects(open(redis, {}), { code: 'SELF_SIGNED_CERT_IN_CHAIN' });
  } finally {
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  }
});

const CALLED: readonly (readonly [what: string, host: string, tls: TlsOptions, name: string | false])[] = [
  ['the host', 'localhost', {}, 'localhost'],
  ['the name that was given', HOST, { servername: 'other.example' }, 'other.example'],
  ['nothing where the host is an IP address', HOST, {}, false],
];

for (const [what, host, tls, name] of CALLED) {
  test(`Connection over TLS calls the server by ${what}`, async () => {
    const called: (string | false)[] = [];
    const behave = (socket: TLSSocket): void => {
      called.push((socket as { servername?: string | false | null }).servername ?? false);
      socket.on('data', () => socket.write(simple('PONG')));
    };
    await withTlsPeer({}, behave, async (port) => {
      assert.equal(await ping({ port, host }, { insecure: true, ...tls }), 'PONG');
      assert.deepEqual(called, [name]);
    });
  });
}

test('Connection over TLS fails on a reply to nothing at all', async () => {
  await withTlsPeer(
    {},
    (socket) => void socket.write(simple('HELLO')),
    async (port) => {
      const connection = await open({ port }, TRUST);
      while (connection.error === undefined) await immediate();
      assert.match(connection.error.message, /: it sends replies that nobody asked for$/);
    },
  );
});

test('Connection over TLS carries values of 64 MB both ways', async () => {
  const connection = await open(redis, TRUST);
  const value = randomBytes(64 * 1024 * 1024);
  const stored = connection.request('SET', 'large', value);
  assert.equal(connection.full, true);
  assert.equal(String(await stored), 'OK');
  assert.equal(connection.full, false);
  assert.ok(((await connection.request('GET', 'large')) as Buffer).equals(value));
  assert.equal(await connection.request('DEL', 'large'), 1);
  connection.close();
});

/** From none to several TLS records of 16 KiB, and around their borders. */
const SIZES = [0, 1, 100, 16_000, 16_384, 16_385, 40_000, 131_072, 1_000_001];

/** Hands on what the server says in pieces of a few bytes to a few hundred, one a tick. */
function mince(socket: Socket, port: number): void {
  const server = createConnection({ host: HOST, port });
  socket.pipe(server);
  server.on('data', (bytes) => {
    server.pause();
    void (async () => {
      for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7) % 997) {
        socket.write(bytes.subarray(at, at + size));
        await immediate();
      }
      server.resume();
    })();
  });
  socket.on('close', () => server.destroy());
}

test('Connection over TLS brings back every value whole, however the bytes are split', async () => {
  await withPeer(
    (socket) => mince(socket.setNoDelay(true), redis.port),
    async (port) => {
      const connection = await open({ port }, TRUST);
      const values = SIZES.map((size) => randomBytes(size));
      await Promise.all(values.map((value, i) => connection.request('SET', `size:${i}`, value)));
      const replies = await Promise.all(values.map((_, i) => connection.request('GET', `size:${i}`)));
      for (const [i, value] of values.entries())
        assert.ok((replies[i] as Buffer).equals(value), `${value.length} bytes`);
      connection.close();
    },
  );
});

test('Connection over TLS loses nothing when it pauses in the middle of what it reads', async () => {
  const connection = await open(redis, TRUST);
  const value = randomBytes(100_000);
  await connection.request('SET', 'paused', value);
  let replies = 0;
  connection.onProgress(() => {
    connection.pause();
    setImmediate(() => connection.resume());
  });
  const asked = Array.from({ length: 200 }, async () => {
    assert.ok(((await connection.request('GET', 'paused')) as Buffer).equals(value));
    replies += 1;
  });
  await Promise.all(asked);
  assert.equal(replies, 200);
  connection.close();
});

test('Connection over TLS stops reading while it is paused', async (t) => {
  const proxy = await startProxy({ port: redis.port });
  t.after(() => proxy.close());
  const connection = await open(proxy, TRUST);
  const value = randomBytes(1_000_000);
  await connection.request('SET', 'heavy', value);
  connection.pause();
  const asked = Promise.all(Array.from({ length: 100 }, () => connection.request('GET', 'heavy')));
  await sleep(500);
  assert.equal(connection.inFlight, 100);
  assert.ok(proxy.bytesDown < 50_000_000, `${proxy.bytesDown} bytes came`);
  connection.resume();
  assert.ok((await asked).every((reply) => (reply as Buffer).equals(value)));
  connection.close();
});

test('Connection.close() over TLS sends what was begun', async () => {
  const connection = await open(redis, TRUST);
  const begun = [
    connection.request('SET', 'begun', Buffer.alloc(4 * 1024 * 1024, 'b')),
    connection.request('SET', 'begun:last', 'small'),
  ];
  connection.close();
  for (const each of begun) await assert.rejects(each, { code: 'CLOSED', retryable: false });
  const witness = await redis.client();
  for (let i = 0; i < 200 && (await witness.send('EXISTS', 'begun:last')) === 0; i++) await sleep(10);
  assert.equal(await witness.send('STRLEN', 'begun'), 4 * 1024 * 1024);
});

test('Connection over TLS gives up on a peer that does not reply', async (t) => {
  const connection = await open(mutual, { ...TRUST, cert: client.cert, key: client.key }, { timeout: 300 });
  assert.equal(String(await connection.request('PING')), 'PONG');
  mutual.pause();
  t.after(() => mutual.resume());
  await assert.rejects(connection.request('PING'), { name: 'TimeoutError', message: /for 0\.3 s it does not reply$/ });
});

test('Connection.open() counts the TLS handshake into the time for the connect, and can be aborted in it', async () => {
  await withPeer(
    () => {},
    async (port) => {
      const start = performance.now();
      await assert.rejects(open({ port }, TRUST, { connectTimeout: 400 }), {
        name: 'TimeoutError',
        code: 'TIMEOUT',
        retryable: true,
        message: `Cannot connect to 127.0.0.1:${port}: no end of the TLS handshake within 0.4 s`,
        hint: 'if it does not speak TLS, write redis:// in place of rediss://',
      });
      assert.ok(performance.now() - start >= 395);
      const controller = new AbortController();
      const reason = new Error('interrupted');
      const opening = open({ port }, TRUST, { signal: controller.signal, connectTimeout: 60_000 });
      setTimeout(() => controller.abort(reason), 50);
      await assert.rejects(opening, reason);
      await assert.rejects(open({ port }, TRUST, { signal: AbortSignal.abort(reason) }), reason);
    },
  );
});
