// rump completion: what bash offers, asked as bash asks, and that the programs for zsh and fish know all that rump knows.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { COMMANDS } from '../../src/cli/commands.ts';
import { choicesOf, knownCommands } from '../../src/cli/completion.ts';
import { OPTION_LIST, OPTION_NAMES } from '../../src/cli/flags/options.ts';
import { SHELLS } from '../../src/cli/shells.ts';
import { blocksOf } from '../support/pages.ts';
import { MAIN, runRump } from '../support/rump.ts';

const COMMAND_NAMES = COMMANDS.map(({ name }) => name);
const known = knownCommands(COMMANDS);

let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'rump-completion-'));
  mkdirSync(join(folder, 'some folder'));
  writeFileSync(join(folder, 'some file'), '');
  writeFileSync(join(folder, 'other=file'), '');
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('bash completes commands, flags of the command, words, files and folders, and no endpoint', async () => {
  const { stdout } = await runRump(['completion', 'bash']);
  const cases: readonly (readonly [line: string, offered: readonly string[]])[] = [
    ['rump ', COMMAND_NAMES],
    ['rump ch', ['check']],
    ['rump --from redis://user:secret@h:6379/0 --dry-run ch', ['check']],
    ['rump -', flagsOf('copy')],
    ['rump --', flagsOf('copy')],
    ['rump check --from redis://h --', flagsOf('check')],
    ['rump ctl run.sock --', ['--cutover-timeout', '--debug', '--help']],
    ['rump --on-c', ['--on-conflict']],
    ['rump -on-c', ['-on-conflict']],
    ['rump check --on-c', []],
    ['rump --on-conflict ', ['replace', 'skip', 'fail']],
    ['rump -on-conflict s', ['skip']],
    ['rump --on-conflict=re', ['replace']],
    ['rump --on-conflict skip --progress ', ['auto', 'bar', 'dots', 'none']],
    ['rump --trace=', ['other=file', 'some file', 'some folder']],
    ['rump --trace some', ['some file', 'some folder']],
    ['rump --record ', ['some folder']],
    ['rump --resume ', ['target', 'other=file', 'some file', 'some folder']],
    ['rump --from ', []],
    ['rump --to=s', []],
    ['rump --count ', []],
    ['rump check ', []],
    ['rump ctl ', ['other=file', 'some file', 'some folder']],
    ['rump ctl run.sock cut', ['cutover']],
    ['rump inspect ', ['some folder']],
    ['rump help ', COMMAND_NAMES],
    ['rump completion ', ['bash', 'zsh', 'fish']],
  ];
  assert.deepEqual(
    completed(
      stdout,
      cases.map(([line]) => line),
    ),
    cases.map(([, offered]) => offered.toSorted()),
  );
});

test('The programs for zsh and fish know every command, and of each its flags with their help and their words', () => {
  const fish = SHELLS['fish']!(known);
  const zsh = SHELLS['zsh']!(known);
  for (const [name, { kind, shorts = [], help }] of OPTION_LIST) {
    const text = help.replaceAll("'", String.raw`'\''`);
    const words = choicesOf(kind.placeholder ?? '').words.join(' ');
    const line = fish.split('\n').find((line) => line.includes(` -l ${name} `));
    assert.ok(line?.endsWith(` -d '${text}'`) && line.includes(words), `fish: ${name}: ${line}`);
    for (const short of shorts) assert.match(line!, new RegExp(` -s ${short}\\b`));
    const takers = COMMANDS.filter(({ flags }) => flags?.has(name) || name === 'help').length;
    const lines = zsh
      .split('\n')
      .filter((line) => line.includes(`--${name}${kind.placeholder === undefined ? '' : '='}[${text}]`));
    assert.ok(
      lines.length === takers && lines.every((line) => line.includes(words)),
      `zsh: ${name}: ${lines.join('\n')}`,
    );
  }
  for (const { name, help } of COMMANDS) {
    assert.ok(fish.includes(` -a ${name} -d '${help.summary}'\n`), `fish: ${name}`);
    assert.ok(zsh.includes(`    '${name}:${help.summary}'\n`), `zsh: ${name}`);
  }
});

test('The usage of rump completion names the shells that there are', () => {
  assert.equal(COMMANDS.find(({ name }) => name === 'completion')?.help.usage, Object.keys(SHELLS).join('|'));
});

test('Each shell that is here can read its program', () => {
  const read = Object.entries(SHELLS).map(([shell, program]) => {
    const path = join(folder, `rump.${shell}`);
    writeFileSync(path, program(known));
    return spawnSync(shell, ['-n', path], { encoding: 'utf8' });
  });
  // bash is where tests run.
  assert.equal(read[0]!.error, undefined);
  for (const { error, status, stderr } of read) if (error === undefined) assert.deepEqual([status, stderr], [0, '']);
});

test('bash takes the completions as README.md says', () => {
  const block = blocksOf('Install', 'sh').find((block) => block.includes('completion bash'))!;
  const script = `rump() { '${process.execPath}' '${MAIN}' "$@"; }\n${block.split('\n')[0]}\ncomplete -p rump\n`;
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8' });
  assert.deepEqual([stdout, stderr], ['complete -F _rump rump\n', '']);
});

test('choicesOf() takes small letters for words, and knows which of the others are paths', () => {
  assert.deepEqual(choicesOf('FILE|target'), { words: ['target'], paths: 'files' });
  assert.deepEqual(choicesOf('text|ndjson'), { words: ['text', 'ndjson'], paths: undefined });
  assert.deepEqual(choicesOf('DIR'), { words: [], paths: 'folders' });
  for (const placeholder of ['ENDPOINT', 'HOST:PORT=HOST:PORT', 'N:N,...', 'TIME', 'GLOB', 'TEXT', ''])
    assert.deepEqual(choicesOf(placeholder), { words: [], paths: undefined });
});

test('rump completion without a shell, or for another one, exits with 2 and says which there are', async () => {
  for (const args of [[], ['tcsh'], ['bash', 'zsh'], ['toString']]) {
    const { code, stdout, stderr } = await runRump(['completion', ...args]);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^rump: Cannot print completions for .*: it is one of bash, zsh, fish/);
  }
});

/** What the command takes, as it is typed. */
function flagsOf(command: string): string[] {
  const { flags = new Set() } = COMMANDS.find(({ name }) => name === command)!;
  return OPTION_NAMES.filter((name) => flags.has(name) || name === 'help').map((name) => `--${name}`);
}

/** What bash offers behind each line, in the order of names. */
function completed(program: string, lines: readonly string[]): string[][] {
  const asked = lines.map((line) => {
    const quoted = `'${line}'`;
    return `COMP_LINE=${quoted} COMP_POINT=${line.length}; _rump; printf '%s\\n' "\${COMPREPLY[@]}"; echo =====\n`;
  });
  const script = `set -u\n${program}\n${asked.join('')}`;
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', script], { cwd: folder, encoding: 'utf8' });
  assert.equal(stderr, '');
  const answers = stdout.split('=====\n').slice(0, -1);
  return answers.map((answer) =>
    answer
      .split('\n')
      .filter((word) => word !== '')
      .toSorted(),
  );
}
