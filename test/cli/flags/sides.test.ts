// Passwords, certificates and keys from files, and errors for files that cannot be used.
import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { readPasswordFile, readSideFiles, type SideFiles, type SideSecrets } from '../../../src/cli/flags/sides.ts';
import { CERTIFICATE, KEY } from './certificate.ts';

const folder = mkdtempSync(join(tmpdir(), 'rump-side-'));
after(() => rmSync(folder, { recursive: true }));

const NO_PEM = { ca: undefined, cert: undefined, key: undefined };
const NO_FILES: SideFiles = { password: undefined, sentinelPassword: undefined, pem: NO_PEM };
const NOTHING: SideSecrets = { password: undefined, sentinelPassword: undefined, tls: undefined };
const TLS: SideSecrets = { ...NOTHING, tls: { servername: 'redis.example', insecure: undefined } };

function fileWith(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function readPem(pem: Partial<SideFiles['pem']>): SideSecrets {
  return readSideFiles({ ...NO_FILES, pem: { ...NO_PEM, ...pem } }, TLS);
}

function assertRefused(pem: Partial<SideFiles['pem']>, message: string, hint?: RegExp): void {
  assert.throws(
    () => readPem(pem),
    (error: Error & { code?: string; hint?: string }) => {
      assert.deepEqual([error.code, error.message, error.cause], ['USAGE', message, undefined]);
      if (hint !== undefined) assert.match(String(error.hint), hint);
      return true;
    },
  );
}

test('readPasswordFile() strips the newline at the end, and nothing else', () => {
  for (const [content, password] of [
    ['secret', 'secret'],
    ['secret\n', 'secret'],
    ['secret\r\n', 'secret'],
    ['secret\n\n', 'secret\n'],
    [' p@ss w%41rd\t', ' p@ss w%41rd\t'],
    ['pässwörd', 'pässwörd'],
  ] as const) {
    assert.equal(readPasswordFile(fileWith('password', content)), password);
  }
});

test('readPasswordFile() refuses a file that is missing, unreadable, empty or no text, and names it', () => {
  const missing = join(folder, 'missing');
  assert.throws(() => readPasswordFile(missing), {
    code: 'USAGE',
    message: `Cannot read the password file ${missing}: there is no such file`,
  });
  assert.throws(() => readPasswordFile(folder), {
    code: 'USAGE',
    message: `Cannot read the password file ${folder}: it is a directory`,
  });
  assert.throws(() => readPasswordFile('/dev/zero'), { code: 'USAGE', message: /zero: it is far too long$/ });
  assert.throws(() => readPasswordFile(fileWith('password', '')), { code: 'USAGE', message: /password: it is empty$/ });
  assert.throws(() => readPasswordFile(fileWith('password', '\n')), {
    code: 'USAGE',
    message: /password: it is empty$/,
  });
  const binary = Buffer.from([0x61, 0xff]);
  assert.throws(() => readPasswordFile(fileWith('password', binary)), {
    code: 'USAGE',
    message: /password: it is not UTF-8 text$/,
  });
});

describe('readSideFiles()', () => {
  test('leaves what is known where there are no files', () => {
    for (const known of [NOTHING, { ...NOTHING, password: 'a', sentinelPassword: 'b' }]) {
      assert.deepEqual(readSideFiles(NO_FILES, known), known);
    }
  });

  test('takes passwords from files, which win over those that are known', () => {
    const files = { ...NO_FILES, password: fileWith('p', 'one\n'), sentinelPassword: fileWith('s', 'two\n') };
    for (const known of [NOTHING, { ...NOTHING, password: 'a', sentinelPassword: 'b' }]) {
      assert.deepEqual(readSideFiles(files, known), { ...known, password: 'one', sentinelPassword: 'two' });
    }
  });

  test('gives certificates and keys as their text, beside what else TLS was told', () => {
    const paths = {
      ca: fileWith('ca', `a comment\n${CERTIFICATE}`),
      cert: fileWith('crt', CERTIFICATE),
      key: fileWith('key', KEY),
    };
    const texts = { ca: `a comment\n${CERTIFICATE}`, cert: CERTIFICATE, key: KEY };
    assert.deepEqual(readPem(paths).tls, { ...TLS.tls, ...texts });
    assert.deepEqual(readPem({ ca: paths.ca }).tls, { ...TLS.tls, ...NO_PEM, ca: texts.ca });
  });

  test('refuses a file that is not there, and names it', () => {
    const missing = join(folder, 'missing');
    const [cert, key] = [fileWith('crt', CERTIFICATE), fileWith('key', KEY)];
    assertRefused({ ca: missing }, `Cannot read the CA file ${missing}: there is no such file`);
    assertRefused({ cert: missing, key }, `Cannot read the certificate file ${missing}: there is no such file`);
    assertRefused({ cert, key: folder }, `Cannot read the key file ${folder}: it is a directory`);
    assert.throws(() => readSideFiles({ ...NO_FILES, sentinelPassword: missing }, NOTHING), {
      message: `Cannot read the password file ${missing}: there is no such file`,
    });
  });

  test('refuses a file that holds something else', () => {
    const [cert, key] = [fileWith('crt', CERTIFICATE), fileWith('key', KEY)];
    const [binary, empty] = [fileWith('der', Buffer.from([0x30, 0x82])), fileWith('empty', '')];
    for (const path of [key, empty]) {
      assertRefused({ ca: path }, `Cannot use the CA file ${path}: it holds no certificate in PEM form`);
      assertRefused(
        { cert: path, key },
        `Cannot use the certificate file ${path}: it holds no certificate in PEM form`,
      );
    }
    for (const path of [cert, empty]) {
      assertRefused({ cert, key: path }, `Cannot use the key file ${path}: it holds no private key in PEM form`);
    }
    assertRefused({ ca: binary }, `Cannot use the CA file ${binary}: it is not UTF-8 text`);
  });

  test('refuses a key that is encrypted, in either form, and says how to write it otherwise', () => {
    const cert = fileWith('crt', CERTIFICATE);
    for (const type of ['pkcs8', 'sec1'] as const) {
      const options = { type, format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' } as const;
      const key = fileWith(type, createPrivateKey(KEY).export(options));
      assertRefused({ cert, key }, `Cannot use the key file ${key}: it is encrypted`, /^openssl pkey /);
    }
  });

  test('refuses a key that belongs to another certificate', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = fileWith('other', privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const message = `Cannot use the key file ${key}: it is not the key to the certificate`;
    assertRefused({ cert: fileWith('crt', CERTIFICATE), key }, message);
  });

  test('does not show a password that stands where a path belongs', () => {
    const path = 'redis://:hunter2@h';
    assertRefused({ ca: path }, 'Cannot read the CA file redis://***@h: there is no such file');
  });
});
