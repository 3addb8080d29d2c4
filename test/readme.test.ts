// What the pages say is so: the flags, the exit codes, the example, the commands, and every file that they name.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { EXIT_CODES } from '../src/cli/exit-codes.ts';
import { assertSameData, fillAllTypes } from './support/keyspace.ts';
import { killAtExit } from './support/kill-at-exit.ts';
import { blocksOf, read, ROOT, rowsOf, withFlags } from './support/pages.ts';
import { MAIN, runRump } from './support/rump.ts';
import { startPair } from './support/server-pair.ts';

const PAGES = [
  'README.md',
  'CHANGELOG.md',
  '.github/ARCHITECTURE.md',
  '.github/BEHAVIOUR.md',
  '.github/CONTRIBUTING.md',
  '.github/FOLLOWING.md',
  '.github/NDJSON.md',
  '.github/SCALE.md',
  '.github/SECURITY.md',
];
const LONGEST_MS = 30_000;

test('README.md lists the flags that --help prints, with their values and defaults', async () => {
  const { stdout } = await runRump(['--help']);
  // A line that starts further right continues the one before it.
  const entries = stdout.replaceAll(/\n {20,}/g, '  ').matchAll(/^ +((?:-\w, )*--[^ ]+(?: [^ ]+)?) {2,}(.+)$/gm);
  const printed = Array.from(entries, ([, flag, help]) => {
    return { flag: flag!, default: /\(default (.+)\)$/.exec(help!.replaceAll(/ +/g, ' '))?.[1] ?? '' };
  });
  assert.ok(printed.length > 10, stdout);
  const listed = rowsOf('Flags').map(([flag, , fallback]) => ({ flag: flag!, default: fallback! }));
  assert.deepEqual(listed, printed);
});

test('The table of flags in README.md is the one that npm run docs writes', () => {
  assert.equal(read('README.md'), withFlags(read('README.md')));
});

test('The program can be run as such after each build, as npx runs it', () => {
  assert.match(execFileSync(MAIN, ['--version'], { encoding: 'utf8' }), /^rump \d/);
});

test('README.md lists every exit code and no other', () => {
  const listed = rowsOf('Exit codes').map(([code]) => Number(code));
  assert.deepEqual(listed, Object.values(EXIT_CODES));
});

test('The example of README.md copies every key between two servers', async (t) => {
  const { source, target, from, to } = await startPair(t);
  const keys = await fillAllTypes(from);
  const [example] = blocksOf('Library', 'js');
  assert.ok(example, 'README.md has no example');
  const urls = [source.url, target.url];
  const program = example.replaceAll(/'redis:\/\/[^']*'/g, () => `'${urls.shift()}'`);
  assert.deepEqual(urls, [], 'The example does not name two endpoints');
  assert.equal(await runExample(program), `${keys} keys, 0 failed\n`);
  await assertSameData(from, to);
});

test('Every npm script that the pages name is one of package.json', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: object };
  const named = PAGES.flatMap((page) =>
    Array.from(read(page).matchAll(/\bnpm (?:run ([\w:]+)|(test|ci)\b)/g), ([, script, own]) => script ?? own!),
  );
  const known = new Set([...Object.keys(scripts), 'ci']);
  assert.deepEqual(
    named.filter((name) => !known.has(name)),
    [],
  );
});

test('README.md lists every event of --json and no other', () => {
  const types = ['src/sync/options.ts', 'src/verify/options.ts'].flatMap((file) =>
    Array.from(read(file).matchAll(/\breadonly type: '([\w-]+)'/g), ([, type]) => type!),
  );
  // A dot is none, nor is what a report is made of; an error is thrown to whoever calls the library.
  const told = new Set([...types, 'error']);
  for (const untold of ['batch', 'observed']) told.delete(untold);
  const listed = rowsOf('Output').flatMap(([events]) => events!.split(', '));
  assert.deepEqual(listed.toSorted(), [...told].toSorted());
});

test('The classes that ARCHITECTURE.md names, and the codes that BEHAVIOUR.md names, are in the code', () => {
  const code = ['resp', 'src', 'test/support']
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
    )
    .filter((path) => path.endsWith('.ts'))
    .map(read);
  const known = new Set(
    code.flatMap((text) =>
      Array.from(text.matchAll(/\b(?:class|interface|type) (\w+)|'([A-Z_]+)'/g), ([, a, b]) => a ?? b!),
    ),
  );
  const classes = read('.github/ARCHITECTURE.md').matchAll(/`([A-Z]\w*[a-z]\w*)`/g);
  const codes = read('.github/BEHAVIOUR.md').matchAll(/`([A-Z]+_[A-Z_]+)`/g);
  const named = Array.from([...classes, ...codes], ([, name]) => name!);
  assert.ok(named.length > 20, named.join(', '));
  assert.deepEqual(
    named.filter((name) => !known.has(name)),
    [],
  );
});

test('Every test that FOLLOWING.md names is in the file that it names', () => {
  const rows = Array.from(read('.github/FOLLOWING.md').matchAll(/\| `(test\/[\w./-]+)`: (.+?) +\|$/gm));
  assert.ok(rows.length > 20, String(rows.length));
  const missing = rows.filter(([, file, name]) => !/\b(?:test|longTest|it)\(\s*$/.test(beforeName(read(file!), name!)));
  assert.deepEqual(
    missing.map(([, file, name]) => `${file}: ${name}`),
    [],
  );
});

for (const page of PAGES) {
  test(`The links of ${page} lead somewhere`, () => {
    const links = Array.from(read(page).matchAll(/\]\(([^)\s]+)\)/g), ([, link]) => link!);
    const local = links.filter((link) => !link.startsWith('https://'));
    assert.deepEqual(
      local.filter((link) => !leadsSomewhere(page, link)),
      [],
    );
  });

  test(`The files and folders that ${page} names are there`, () => {
    const paths = read(page).matchAll(/`((?:resp|src|test|fixtures|\.github|\.ci)\/[\w./-]*)`/g);
    assert.deepEqual(
      Array.from(paths, ([, path]) => path!).filter((path) => !existsSync(join(ROOT, path))),
      [],
    );
  });
}

/** All of the text where the name does not stand in quotes. */
function beforeName(text: string, name: string): string {
  const at = ["'", '`'].map((quote) => text.indexOf(quote + name + quote)).find((found) => found !== -1);
  return text.slice(0, at);
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(ROOT, target))) return false;
  return anchor === undefined || anchorsOf(target).includes(anchor);
}

function anchorsOf(page: string): string[] {
  const headings = read(page).matchAll(/^#+ (.+)$/gm);
  return Array.from(headings, ([, text]) =>
    text!
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
}

/** Runs a program that finds this package as an installed one. Resolves with its stdout; stderr has to be empty. */
async function runExample(program: string): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'rump-example-'));
  try {
    mkdirSync(join(dir, 'node_modules'));
    symlinkSync(ROOT, join(dir, 'node_modules/rump'));
    // A package of its own, whatever lies above it.
    writeFileSync(join(dir, 'package.json'), '{}');
    writeFileSync(join(dir, 'example.mjs'), program);
    const child = spawn(process.execPath, ['example.mjs'], { cwd: dir, timeout: LONGEST_MS });
    killAtExit(child, dir);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    return stdout;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
