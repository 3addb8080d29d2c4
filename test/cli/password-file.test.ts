// A password file as editors and secret stores write it.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readPasswordFile } from '../../src/cli/password-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'rump-password-'));
after(() => rmSync(folder, { recursive: true }));

function fileWith(content: string | Buffer): string {
  const path = join(folder, 'password');
  writeFileSync(path, content);
  return path;
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
    assert.equal(readPasswordFile(fileWith(content)), password);
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
  assert.throws(() => readPasswordFile(fileWith('')), { code: 'USAGE', message: /password: it is empty$/ });
  assert.throws(() => readPasswordFile(fileWith('\n')), { code: 'USAGE', message: /password: it is empty$/ });
  const binary = Buffer.from([0x61, 0xff]);
  assert.throws(() => readPasswordFile(fileWith(binary)), {
    code: 'USAGE',
    message: /password: it is not UTF-8 text$/,
  });
});
