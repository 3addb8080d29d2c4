// Certificates and keys that are of no use: told which, before anything is connected, and shown to nobody.
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { ConnectionError } from '../../resp/errors.ts';
import { checkTlsOptions, serverNameOf, type TlsOptions } from '../../resp/tls-options.ts';
import { TLS_HINTS } from '../../src/server/server.ts';
import { authority, certificates } from '../support/certificates.ts';

const { client, server } = certificates;
const CLIENT: TlsOptions = { ca: authority.cert, cert: client.cert, key: client.key };
const PEER = { host: 'db.example', port: 6380 };

interface Expected {
  readonly code: RegExp;
  readonly why: string;
  readonly hint: RegExp;
}

const SECRET_KEY = createPrivateKey(client.key).export({
  type: 'pkcs8',
  format: 'pem',
  cipher: 'aes-256-cbc',
  passphrase: 'of-the-key',
});
const DER = Buffer.from(authority.cert.replaceAll(/-----.*-----|\n/g, ''), 'base64');
const GIVE_KEY = /^give --from-tls-key or --to-tls-key the key .* in PEM and without a passphrase$/;

const MATERIAL: readonly (readonly [string, TlsOptions, Expected])[] = [
  ['an authority that is no PEM', { ca: 'nonsense' }, refusedCa()],
  ['an authority that is empty', { ca: '' }, refusedCa()],
  ['an authority in DER', { ca: DER }, refusedCa()],
  ['an authority that is a key', { ca: client.key }, refusedCa()],
  ['an authority that is cut off', { ca: authority.cert.slice(0, 300) }, refusedCa()],
  [
    'a certificate that is no PEM',
    { ...CLIENT, cert: 'nonsense' },
    refusedCert('our certificate is none that can be read'),
  ],
  [
    'a certificate that is a key',
    { ...CLIENT, cert: client.key },
    refusedCert('our certificate is none that can be read'),
  ],
  ['a key without its certificate', { key: client.key }, refusedCert('our key comes without its certificate')],
  ['a certificate without its key', { cert: client.cert }, refusedKey('our certificate comes without its key')],
  ['a key that is no PEM', { ...CLIENT, key: 'nonsense' }, refusedKey('our key is none that can be read')],
  ['a key that is a certificate', { ...CLIENT, key: client.cert }, refusedKey('our key is none that can be read')],
  ['a key with a passphrase', { ...CLIENT, key: SECRET_KEY }, refusedKey('our key is none that can be read')],
  ['a key to another certificate', { ...CLIENT, key: server.key }, refusedKey('our key does not fit our certificate')],
];

function refusedCa(): Expected {
  return {
    code: /^ERR_OSSL_/,
    why: 'the authority to trust is no certificate',
    hint: /^give --from-tls-ca or --to-tls-ca /,
  };
}

function refusedCert(why: string): Expected {
  return {
    code: /^(ERR_OSSL_|TLS_OPTIONS$)/,
    why,
    hint: /^give --from-tls-cert or --to-tls-cert a certificate in PEM$/,
  };
}

function refusedKey(why: string): Expected {
  return { code: /^(ERR_OSSL_|ERR_MISSING_PASSPHRASE$|TLS_OPTIONS$)/, why, hint: GIVE_KEY };
}

for (const [what, options, { code, why, hint }] of MATERIAL) {
  test(`checkTlsOptions() refuses ${what}, and shows none of it`, () => {
    assert.throws(
      () => checkTlsOptions(options, PEER, TLS_HINTS),
      (error: ConnectionError) => {
        assert.ok(error instanceof ConnectionError);
        assert.match(error.code, code);
        assert.equal(error.message, `Cannot connect to db.example:6380: ${why}`);
        assert.match(error.hint ?? '', hint);
        assert.equal(error.retryable, false);
        const shown = inspect(error, { depth: Infinity });
        for (const line of client.key.split('\n').slice(1, -2)) assert.ok(!shown.includes(line), shown);
        return true;
      },
    );
  });
}

test('checkTlsOptions() knows no way out by itself', () => {
  assert.throws(() => checkTlsOptions({ ca: 'nonsense' }, PEER), { name: 'ConnectionError', hint: undefined });
});

test('checkTlsOptions() takes what a connection can use', () => {
  const both = client.cert + client.key;
  const good: readonly TlsOptions[] = [
    {},
    CLIENT,
    { ca: Buffer.from(authority.cert) },
    { ca: `# a comment ahead\n${authority.cert}${server.cert}` },
    { cert: both, key: both },
  ];
  for (const options of good) checkTlsOptions(options, PEER);
});

test('serverNameOf() is the name that was given, or else the host, without the dot of a full name', () => {
  assert.equal(serverNameOf({}, PEER), 'db.example');
  assert.equal(serverNameOf({}, { host: 'db.example.', port: 6380 }), 'db.example');
  assert.equal(serverNameOf({ servername: 'other.example' }, PEER), 'other.example');
  assert.equal(serverNameOf({}, { host: '::1', port: 6380 }), '::1');
});
