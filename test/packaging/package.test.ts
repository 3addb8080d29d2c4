// What npm pack makes: nothing but what runs and its types, with nothing missing, and described as it is.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { ROOT } from '../support/pages.ts';
import { cleanEnvironment } from '../support/rump.ts';
import { longOnly } from '../support/tier.ts';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly man: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: { readonly '.': { readonly types: string; readonly default: string } };
  readonly sideEffects: readonly string[];
}

/** Beside what runs: npm takes the first four by itself. */
const PAGES = ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'dist/rump.1'];

let folder: string;
/** What npm pack makes. */
let tarball: string;
/** The package as npm installs it. */
let home: string;
let files: readonly string[];
let manifest: Manifest;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'rump-package-'));
  const made = execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], {
    cwd: ROOT,
  });
  tarball = join(folder, String(made).trim());
  execFileSync('tar', ['-xzf', tarball], { cwd: folder });
  home = join(folder, 'node_modules/rump');
  mkdirSync(dirname(home));
  execFileSync('mv', [join(folder, 'package'), home]);
  for (const name of ['arg', 'redis-parser', 'redis-errors'])
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
  files = readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(home, join(entry.parentPath, entry.name)));
  manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as Manifest;
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('The package holds what its command and its library import, their types, and pages', () => {
  const { bin, exports } = manifest;
  const command = bin['rump']!.replace('./', '');
  const library = reachedFrom([exports['.'].default]);
  const programs = new Set([...library, ...reachedFrom([command])]);
  const ofLibrary = [...library].map((path) => path.replace(/\.js$/, '.d.ts'));
  const types = reachedFrom([exports['.'].types, ...ofLibrary]);
  // A file of types alone stands beside an empty one that runs.
  const beside = [...types].map((path) => path.replace(/\.d\.ts$/, '.js'));
  const known = new Set([...PAGES, ...programs, ...types, ...beside]);
  assert.deepEqual(
    files.filter((path) => !known.has(path)),
    [],
    'It holds what nothing in it imports',
  );
  const missing = [...PAGES, ...programs, ...types].filter((path) => !files.includes(path));
  assert.deepEqual(missing, [], 'It lacks what is imported');
  assert.ok(programs.size > 100, `${programs.size} files`);
});

test('The command of the package runs, and its library can be imported without an effect', () => {
  const { bin, version, name } = manifest;
  assert.equal(execFileSync(join(home, bin['rump']!), ['--version'], { encoding: 'utf8' }), `rump ${version}\n`);
  const program = `
    const state = () => JSON.stringify([Object.getOwnPropertyNames(globalThis), process.eventNames()]);
    const before = state();
    const { migrate, check } = await import('${name}');
    console.log(typeof migrate, typeof check, state() === before);`;
  const args = ['--input-type=module', '--eval', program];
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: folder,
    env: cleanEnvironment(),
    encoding: 'utf8',
  });
  assert.deepEqual([stdout, stderr], ['function function true\n', '']);
  assert.deepEqual(manifest.sideEffects, [`./${bin['rump']!}`]);
});

test('The manual page of the package is the one that package.json names', () => {
  assert.match(readFileSync(join(home, manifest.man), 'utf8'), /^\.TH RUMP 1 /);
});

test('publint finds nothing to say about the package', async () => {
  const { messages } = await publint({ pkgDir: home, pack: false, strict: true });
  const manifestRead = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as Record<string, unknown>;
  assert.deepEqual(
    messages.map((message) => formatMessage(message, manifestRead)),
    [],
  );
});

longOnly(() => {
  test('The types of the package are those of its programs in each way of resolving that knows ECMAScript modules', async () => {
    const checked = await checkPackage(createPackageFromTarballData(readFileSync(tarball)));
    assert.ok(checked.types !== false, 'It has no types');
    // The package is for `import`; older ways of resolving have no word for that.
    const found = checked.problems.filter(
      (problem) => !('resolutionKind' in problem) || ['node16-esm', 'bundler'].includes(problem.resolutionKind),
    );
    assert.deepEqual(found, []);
  });

  test('Programs get the types of the library by each way in which TypeScript looks for modules', () => {
    symlinkSync(join(ROOT, 'node_modules/@types'), join(folder, 'node_modules/@types'));
    const body = `declare const options: MigrateOptions;
      const { keys }: { keys: number } = await migrate(options);
      // @ts-expect-error It is no text.
      keys satisfies string;`;
    writeFileSync(join(folder, 'program.mts'), `import { migrate, type MigrateOptions } from 'rump';\n${body}`);
    for (const [module, moduleResolution] of [
      ['nodenext', 'nodenext'],
      ['esnext', 'bundler'],
    ] as const) {
      const args = ['--noEmit', '--strict', '--types', 'node', '--target', 'es2022'];
      const ways = ['--module', module, '--moduleResolution', moduleResolution];
      const tsc = join(ROOT, 'node_modules/.bin/tsc');
      const { status, stdout } = spawnSync(tsc, [...args, ...ways, 'program.mts'], { cwd: folder, encoding: 'utf8' });
      assert.deepEqual([status, stdout], [0, '']);
    }
  });
});

/** Paths below the package. Types may be imported in the middle of a line. */
function reachedFrom(entries: readonly string[]): Set<string> {
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    if (!existsSync(join(home, path))) return;
    for (const [, imported] of readFileSync(join(home, path), 'utf8').matchAll(
      /\b(?:from|import)\s*\(?\s*["'](\.[^"']+)["']/g,
    )) {
      const target = join(dirname(path), imported!);
      visit(path.endsWith('.d.ts') ? target.replace(/\.[jt]s$/, '.d.ts') : target);
    }
  };
  for (const entry of entries) visit(entry.replace('./', ''));
  return reached;
}
