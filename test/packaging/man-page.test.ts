// The manual page: all that the help says, in the macros of man(7), without a word that troff would take for a request.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { COMMANDS } from '../../src/cli/commands.ts';
import { referenceOf } from '../../src/cli/help.ts';
import { manPage } from './man-page.ts';

const page = manPage(COMMANDS, '1.2.3');
const MACROS = new Set(['TH', 'SH', 'SS', 'TP', 'PP', 'B', 'br', 'nf', 'fi', 'nh', 'ad']);

test('manPage() has each command and each flag with what it takes, what it means, and its twin in the environment', () => {
  assert.match(page, /^\.TH RUMP 1 "" "rump 1\.2\.3" /);
  const text = plain(page);
  for (const { name, help } of COMMANDS) assert.ok(text.includes(`\n.TP\n${name}\n${help.summary}\n`), name);
  for (const { name, shorts, argument, meaning, variable } of referenceOf(COMMANDS)) {
    const flag = [...shorts.map((short) => `-${short}`), `--${name}`].join(', ');
    const [, entry] = text.split(`\n.TP\n${flag}${argument === undefined ? '' : ` ${argument}`}\n`);
    assert.ok(entry?.startsWith(meaning), name);
    if (variable !== undefined) assert.match(entry!.split('\n')[0]!, new RegExp(`\\b${variable}\\)$`));
  }
  for (const code of [0, 1, 2, 3, 75, 129, 130, 143]) assert.match(text, new RegExp(`Exit code: [^.]*\\b${code}\\b`));
});

test('manPage() has no request but those of man(7), and no hyphen where a dash is meant', () => {
  for (const line of page.split('\n')) {
    assert.ok(!/^[.'](?!([A-Za-z]+)\b)/.test(line) && !line.startsWith("'"), line);
    const [, macro] = /^\.(\w+)/.exec(line) ?? [];
    assert.ok(macro === undefined || MACROS.has(macro), line);
    assert.doesNotMatch(line, /(?<!\\)-/);
    assert.match(line.replaceAll(/\\(?:-|e|&|f[BIR])/g, ''), /^[^\\]*$/, 'An escape is none that troff has');
  }
});

test('man has nothing to say against the page, where there is one', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rump-man-'));
  const path = join(folder, 'rump.1');
  writeFileSync(path, page);
  const env = { ...process.env, MANWIDTH: '80', LC_ALL: 'C' };
  const { error, status, stdout, stderr } = spawnSync('man', ['--warnings', '-l', path], { env, encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  // Slim images have none, or one that only says so.
  if (error !== undefined || !stdout.startsWith('RUMP(1)')) return;
  assert.deepEqual([status, stderr], [0, '']);
  assert.match(stdout, /^ {7}--on-conflict replace\|skip\|fail$/m);
});

function plain(text: string): string {
  return text
    .replaceAll(/\\f[BIR]|\\&/g, '')
    .replaceAll(String.raw`\-`, '-')
    .replaceAll(String.raw`\e`, '\\');
}
