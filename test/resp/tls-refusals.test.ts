// Why a connection over TLS does not come about: each reason as one sentence, with the flag that is the way out.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { TlsOptions as ServerTlsOptions } from 'node:tls';
import { Connection } from '../../resp/connection.ts';
import { RespError } from '../../resp/errors.ts';
import type { TlsOptions } from '../../resp/tls-options.ts';
import { TLS_HINTS } from '../../src/server/server.ts';
import { authority, certificates, otherAuthority } from '../support/certificates.ts';
import { HOST, withPeer, withTlsPeer } from '../support/peer.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';

const { expired, otherName, selfSigned, server, stranger } = certificates;
const TRUST: TlsOptions = { ca: authority.cert };

let plain: TestServer;
let secure: TestServer;
let mutual: TestServer;
before(async () => {
  [plain, secure, mutual] = await Promise.all([
    startServer(),
    startServer({ tls: 'server' }),
    startServer({ tls: 'mutual' }),
  ]);
});
after(() => Promise.all([plain, secure, mutual].map((each) => each.stop())));

/** Opens a connection and uses it, as some refusals come only then; resolves with the error. */
async function refusal(port: number, tls: TlsOptions | undefined, host = HOST): Promise<RespError> {
  try {
    const options = { peer: { host, port }, tls, tlsHints: TLS_HINTS, connectTimeout: 5000, timeout: 5000 };
    const connection = await Connection.open(options);
    await Promise.all([connection.request('PING'), connection.request('DBSIZE')]).finally(() => connection.close());
  } catch (error) {
    assert.ok(error instanceof RespError, String(error));
    assert.deepEqual(error.peer, { host, port });
    return error;
  }
  return assert.fail('it was not refused');
}

interface Expected {
  readonly code: string | RegExp;
  readonly why: string;
  readonly hint: RegExp;
}

function assertRefused(error: RespError, { code, why, hint }: Expected): void {
  assert.equal(error.name, 'ConnectionError');
  assert.match(error.code, typeof code === 'string' ? new RegExp(`^${code}$`) : code);
  assert.equal(error.message, `Cannot connect to ${error.host}:${error.port}: ${why}`);
  assert.match(error.hint ?? '', hint);
  assert.equal(error.retryable, false);
}

const UNTRUSTED = 'its certificate is signed by nobody that is trusted';
const BY_AUTHORITY = /^name .* --from-tls-ca or --to-tls-ca$/;

const SERVERS: readonly (readonly [string, ServerTlsOptions, TlsOptions, Expected, string?])[] = [
  [
    'shows a certificate of an authority that is not trusted, and no authority',
    {},
    {},
    { code: /^UNABLE_TO_/, why: UNTRUSTED, hint: BY_AUTHORITY },
  ],
  [
    'shows one that another authority signed than the one that is trusted',
    {},
    { ca: otherAuthority.cert },
    { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', why: UNTRUSTED, hint: BY_AUTHORITY },
  ],
  [
    'shows one with its whole chain',
    { cert: server.cert + authority.cert },
    {},
    { code: 'SELF_SIGNED_CERT_IN_CHAIN', why: UNTRUSTED, hint: BY_AUTHORITY },
  ],
  [
    'shows one that signed itself',
    { key: selfSigned.key, cert: selfSigned.cert },
    TRUST,
    {
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      why: 'its certificate is signed by nobody but itself',
      hint: BY_AUTHORITY,
    },
  ],
  [
    'shows one that has expired',
    { key: expired.key, cert: expired.cert },
    TRUST,
    {
      code: 'CERT_HAS_EXPIRED',
      why: 'its certificate has expired',
      hint: /--from-tls-insecure or --to-tls-insecure/,
    },
  ],
  [
    'shows one for another name than the IP address',
    { key: otherName.key, cert: otherName.cert },
    TRUST,
    {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      why: 'its certificate is for other.example, and not for 127.0.0.1',
      hint: /--from-tls-servername or --to-tls-servername$/,
    },
  ],
  [
    'shows one for another name than the host',
    { key: otherName.key, cert: otherName.cert },
    TRUST,
    {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      why: 'its certificate is for other.example, and not for localhost',
      hint: /--from-tls-servername or --to-tls-servername$/,
    },
    'localhost',
  ],
  [
    'shows one for the host, where another IP address is expected',
    {},
    { ...TRUST, servername: '192.0.2.1' },
    {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      why: 'its certificate is for localhost, 127.0.0.1, 0:0:0:0:0:0:0:1, and not for 192.0.2.1',
      hint: /--from-tls-servername or --to-tls-servername$/,
    },
    'localhost',
  ],
  [
    'shows one for the host, where another name is expected',
    {},
    { ...TRUST, servername: 'other.example' },
    {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      why: 'its certificate is for localhost, 127.0.0.1, 0:0:0:0:0:0:0:1, and not for other.example',
      hint: /--from-tls-servername or --to-tls-servername$/,
    },
  ],
];

for (const [what, options, tls, expected, host] of SERVERS) {
  test(`Connection.open() refuses a server that ${what}`, async () => {
    await withTlsPeer(
      options,
      () => {},
      async (port) => assertRefused(await refusal(port, tls, host), expected),
    );
  });
}

test('Connection.open() refuses what is of no use as an authority or a key', async () => {
  const options = { ca: 'nonsense' };
  assertRefused(await refusal(secure.port, options), {
    code: /^ERR_OSSL_/,
    why: 'the authority to trust is no certificate',
    hint: /^give --from-tls-ca or --to-tls-ca a certificate in PEM$/,
  });
});

const SHOW = /^show one .* --from-tls-cert and --from-tls-key, or --to-tls-cert and --to-tls-key$/;

/** Under TLS 1.3 the server looks at our certificate while we write, and now and then its alert is lost. */
const ATTEMPTS = 100;

test('Connection says that a server asks for a client certificate, every time, though TLS 1.3 tells it late', async () => {
  let told = 0;
  for (let i = 0; i < ATTEMPTS; i += 1) {
    const error = await refusal(mutual.port, TRUST);
    assert.equal(error.code, 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED');
    assert.equal(error.message, `Cannot connect to 127.0.0.1:${mutual.port}: it asks for a client certificate`);
    assert.match(error.hint ?? '', SHOW);
    // Where the alert is lost, the next attempt may tell for certain.
    if (!error.retryable) told += 1;
  }
  assert.ok(told > 0);
});

test('Connection says that a server does not trust the authority of our certificate', async (t) => {
  const tls = { ...TRUST, cert: stranger.cert, key: stranger.key };
  const expected = {
    why: 'it does not trust the authority of our certificate',
    hint: SHOW,
    code: /_ALERT_UNKNOWN_CA$/,
  };
  const older = await startServer({ tls: 'mutual', args: ['--tls-protocols', 'TLSv1.2'] });
  t.after(() => older.stop());
  assertRefused(await refusal(older.port, tls), expected);
  let error = await refusal(mutual.port, tls);
  for (let i = 1; i < ATTEMPTS && error.message.startsWith('Lost'); i += 1) {
    assert.match(error.hint ?? '', /^if it refuses our certificate, show one /);
    error = await refusal(mutual.port, tls);
  }
  assertRefused(error, expected);
});

test('Connection says that a server refuses the handshake where TLS 1.2 has no better word for a missing certificate', async (t) => {
  const older = await startServer({ tls: 'mutual', args: ['--tls-protocols', 'TLSv1.2'] });
  t.after(() => older.stop());
  assertRefused(await refusal(older.port, TRUST), {
    code: /_ALERT_HANDSHAKE_FAILURE$/,
    why: 'it refuses the TLS handshake',
    hint: /^if it asks for a client certificate, show one /,
  });
});

test('Connection.open() says that a peer speaks no TLS', async () => {
  await withPeer(
    (socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    async (port) => {
      assertRefused(await refusal(port, TRUST), {
        code: /^ERR_SSL_/,
        why: 'it does not speak TLS',
        hint: /^write redis:\/\/ in place of rediss:\/\/$/,
      });
    },
  );
});

test('Connection.open() over TLS gives up on a plain server, which waits for the rest of a command', async () => {
  const options = { peer: { host: HOST, port: plain.port }, tls: TRUST, timeout: 5000 };
  await assert.rejects(Connection.open({ ...options, connectTimeout: 400 }), {
    name: 'TimeoutError',
    hint: 'if it does not speak TLS, write redis:// in place of rediss://',
  });
});

test('Connection.open() may be tried again where the peer hangs up in the TLS handshake', async () => {
  await withPeer(
    (socket) => void socket.once('data', () => socket.destroy()),
    async (port) => {
      const error = await refusal(port, TRUST);
      assert.equal(error.message, `Cannot connect to 127.0.0.1:${port}: it broke off the TLS handshake`);
      assert.deepEqual([error.code, error.retryable], ['ECONNRESET', true]);
      assert.equal(error.hint, 'if it does not speak TLS, write redis:// in place of rediss://');
    },
  );
});

test('Connection in plain to a server that speaks TLS names TLS as what may be missing', async () => {
  const error = await refusal(secure.port, undefined);
  assert.match(error.message, /^Lost the connection to /);
  assert.equal(error.hint, 'if it speaks TLS, write rediss:// in place of redis://');
});

test('Connection in plain knows the alert of a server that speaks TLS', async () => {
  await withPeer(
    (socket) => void socket.end(Buffer.from([21, 3, 1, 0, 2, 2, 70])),
    async (port) => {
      const error = await refusal(port, undefined);
      assert.deepEqual([error.name, error.code, error.retryable], ['ProtocolError', 'PROTOCOL', false]);
      assert.match(error.message, /^Cannot talk to .*: it does not answer in RESP2 \(it speaks TLS\)$/);
      assert.equal(error.hint, 'write rediss:// in place of redis://');
    },
  );
});
