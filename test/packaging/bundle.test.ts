// The one file that npm run bundle makes: what is inside, that it is the same each time, and that it runs alone.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { COMMANDS } from '../../src/cli/commands.ts';
import { helpText } from '../../src/cli/help.ts';
import { assertSameData, fillAllTypes } from '../support/keyspace.ts';
import { blocksOf, read, ROOT } from '../support/pages.ts';
import { cleanEnvironment } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { longOnly, longTest } from '../support/tier.ts';

const BUNDLE = join(ROOT, 'test/packaging/bundle.mjs');
/** They run before anything is compiled, so they have no types. */
const { makeBundle } = (await import(pathToFileURL(BUNDLE).href)) as {
  readonly makeBundle: (root: string) => Promise<Buffer>;
};
const { fetchNodes } = (await import(pathToFileURL(join(ROOT, 'test/fetch-nodes.mjs')).href)) as {
  readonly fetchNodes: (tell: (sentence: string) => void) => ReadonlyMap<string, string>;
};

const MOST_BYTES = 250 * 1024;
/** What a bundle is made of. */
const SOURCES = ['resp', 'src', 'package.json', 'tsconfig.json', 'LICENSE'];

let folder: string;
let program: string;
let bundle: Buffer;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rump-bundle-'));
  bundle = await makeBundle(ROOT);
  program = fileOf('alone', bundle);
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('makeBundle() makes a file of at most 250 KiB, whose head says what it is and whose work is inside', () => {
  assert.ok(bundle.length <= MOST_BYTES, `${bundle.length} bytes`);
  const head = headOf(bundle);
  const { version, dependencies } = manifest();
  assert.ok(head.startsWith(`#!/usr/bin/env node\n// rump ${version}. `), head);
  for (const name of ['rump', 'redis-errors', ...Object.keys(dependencies)])
    assert.match(head, new RegExp(`^${name}: .*MIT.* Copyright \\(c\\) \\d+ \\S+`, 'm'));
  assert.match(head, /^copies or substantial portions of the Software\.$[^]*THE SOFTWARE IS PROVIDED "AS IS"/m);
  assert.match(head, /^[\n -~]+$/, 'The head is not plain text');
});

longTest('makeBundle() makes the same bytes of the same sources, and they tell neither place nor user', async () => {
  const copy = cloneInto(mkdtempSync(join(folder, 'another place-')));
  assert.ok(bundle.equals(await makeBundle(copy)));
  const teller = "return require('node:fs').writeFileSync('code', code);\n$&";
  const unpacker = fileOf('unpacker', bundle.toString('latin1').replace(/^let end = /m, teller));
  const cwd = dirname(unpacker);
  spawnSync(process.execPath, [unpacker], { cwd });
  const code = readFileSync(join(cwd, 'code'), 'utf8');
  for (const secret of [ROOT, copy, tmpdir(), `/${userInfo().username}/`, 'node_modules', 'package.json'])
    assert.ok(!code.includes(secret) && !headOf(bundle).includes(secret), `It holds ${secret}`);
});

test('The bundle runs in an empty folder, as a program and by node', () => {
  const { version } = manifest();
  assert.deepEqual(run(program, ['--version']), { code: 0, stdout: `rump ${version}\n`, stderr: '' });
  assert.deepEqual(run(process.execPath, [program, '--help']), { code: 0, stdout: helpText(COMMANDS), stderr: '' });
  const { code, stderr } = run(process.execPath, [program, '--from', 'redis://h']);
  assert.equal(code, 2);
  assert.match(stderr, /^rump: Cannot copy without a target /);
});

test('The bundle has what each command does', () => {
  const refusals: Readonly<Record<string, string>> = {
    plan: 'Cannot make a plan without the number of workers',
    inspect: 'Cannot inspect nothing',
    ctl: 'Cannot use rump ctl without the path of a socket',
    report: 'Cannot report on nothing',
    completion: 'Cannot print completions for no shell',
  };
  for (const [command, refusal] of Object.entries(refusals)) {
    const { code, stderr } = run(process.execPath, [program, command]);
    assert.equal(code, 2);
    assert.ok(stderr.startsWith(`rump: ${refusal}`), stderr);
  }
});

test('The bundle copies every type of value, makes a page of it, and finds both sides equal', async (t) => {
  const { endpoints, from, to } = await startPair(t);
  await fillAllTypes(from);
  const page = join(folder, 'page.html');
  const copied = run(process.execPath, [program, ...endpoints, '--report', page]);
  assert.deepEqual([copied.code, copied.stdout], [0, '.Sync done.\n'], copied.stderr);
  assert.ok(readFileSync(page, 'utf8').includes('<title>Everything was copied – rump</title>'));
  await assertSameData(from, to);
  const checked = run(process.execPath, [program, 'check', ...endpoints]);
  assert.deepEqual([checked.code, checked.stdout], [0, 'Both sides are equal.\n'], checked.stderr);
});

test('The bundle bears a transfer as text, and says that it is damaged where it is', () => {
  const text = bundle.toString('latin1');
  const { version } = manifest();
  const crossed = fileOf('crossed', `${text.replaceAll('\n', '\r\n')}\r\n`);
  assert.equal(run(process.execPath, [crossed, '--version']).stdout, `rump ${version}\n`);
  const middle = Math.floor(text.length / 2);
  for (const damaged of [text.slice(0, -100), `${text.slice(0, middle)}?!${text.slice(middle + 2)}`]) {
    const path = fileOf('damaged', damaged);
    const stderr = `rump: Cannot start: ${path} is damaged (copy it once more, as it is)\n`;
    assert.deepEqual(run(process.execPath, [path, '--version']), { code: 1, stdout: '', stderr });
  }
});

longOnly(() => {
  test('The bundle is made the same by each version of Node, and runs on each', async (t) => {
    const { endpoints, from, to } = await startPair(t);
    await from.pipeline(Array.from({ length: 100 }, (_, i) => ['SET', `key:${i}`, i]));
    for (const [name, node] of fetchNodes(() => {})) {
      const maker = `import(process.argv[1]).then(({ makeBundle }) => makeBundle(process.argv[2])).then((made) =>
        require('fs').writeFileSync(process.argv[3], made))`;
      const made = fileOf(name, '');
      run(node, ['--eval', maker, BUNDLE, ROOT, made]);
      assert.ok(bundle.equals(readFileSync(made)), `Node ${name} makes other bytes`);
      const { version } = manifest();
      assert.deepEqual(run(node, [program, '--version']), { code: 0, stdout: `rump ${version}\n`, stderr: '' });
      assert.deepEqual(run(node, [program, '--help']), { code: 0, stdout: helpText(COMMANDS), stderr: '' });
      const copied = run(node, [program, ...endpoints]);
      assert.deepEqual([copied.code, copied.stdout], [0, '.Sync done.\n'], copied.stderr);
      await assertSameData(from, to);
      await to.send('FLUSHALL');
    }
  });

  test('README.md: the bundle is made, carried and started by the commands of the page', () => {
    const home = mkdtempSync(join(folder, 'home-'));
    const clone = cloneInto(mkdtempSync(join(folder, 'clone-')));
    cpSync(join(ROOT, 'test'), join(clone, 'test'), { recursive: true });
    const tools = 'scp() { cp "$1" "$HOST/"; }\nssh() { shift; (cd "$HOST" && "$@"); }\n';
    const [, carry, compare] = blocksOf('Install', 'sh');
    const script = `set -e\n${tools}${carry}${compare!.replace('/path/to', '"$HOST"')}`;
    const env = { ...cleanEnvironment(), HOST: home };
    const { status, stdout, stderr } = spawnSync('sh', ['-c', script], { cwd: clone, env, encoding: 'utf8' });
    assert.deepEqual([status, stdout.split('\n').at(-2)], [0, `rump ${manifest().version}`], stderr);
  });
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where nothing else is. */
function run(command: string, args: readonly string[]): Ended {
  const cwd = mkdtempSync(join(folder, 'empty-'));
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env: cleanEnvironment(), encoding: 'utf8' });
  return { code: status, stdout, stderr };
}

/** What the bundle is made of, and the dependencies. @returns the folder */
function cloneInto(place: string): string {
  for (const name of SOURCES) cpSync(join(ROOT, name), join(place, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(place, 'node_modules'));
  return place;
}

/** @returns the path of a program that holds these bytes, alone in its folder */
function fileOf(name: string, bytes: Buffer | string): string {
  const path = join(mkdtempSync(join(folder, `${name}-`)), 'rump.cjs');
  writeFileSync(path, typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, { mode: 0o755 });
  return path;
}

/** All but the last line, which is the code. */
function headOf(bytes: Buffer): string {
  return bytes.subarray(0, bytes.lastIndexOf('\n', -2) + 1).toString('latin1');
}

function manifest(): { version: string; dependencies: object } {
  return JSON.parse(read('package.json')) as ReturnType<typeof manifest>;
}
