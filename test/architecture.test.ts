// The shape of the program, as the design has it: floors, circles, captions, sizes, and two dependencies.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A shorter file with a single importer belongs into that one, unless it is loaded once it is asked for. */
const SHORTEST_FILE = 40;
const LONGEST_FILE = 300;
const LONGEST_CAPTION = 2;

/** From the ground up: a file imports from its own folder and from those below, so that folders make no circle either. */
const FLOORS: readonly string[] = [
  'resp',
  'src/rdb',
  'src/flow',
  'src/file',
  'src/snapshot',
  'src/server',
  'src/cluster',
  'src/scan',
  'src/keys',
  'src/source',
  'src/target',
  'src/live',
  'src/checkpoint',
  'src/sync',
  'src/inspect',
  'src/verify',
  'src/trace',
  'src/report',
  'src',
  'src/cli/flags',
  'src/cli/show',
  'src/cli',
];

interface SourceFile {
  /** From the root, with slashes. */
  readonly path: string;
  readonly text: string;
  /** The text without its comments. */
  readonly code: string;
  readonly imports: readonly string[];
  /** Those of them that `import()` brings. */
  readonly loads: readonly string[];
}

const files = ['resp', 'src'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => readSource(posix.join(folder, ...path.split(/[\\/]/)))),
);

test('Every source file has its place on a floor', () => {
  assert.ok(files.length > 0, 'There is no source file');
  assertNone(files.filter(({ path }) => floorOf(path) === -1).map(({ path }) => `${path} is on no floor`));
});

test('Imports run downward only', () => {
  assertNone(
    files.flatMap(({ path, imports }) =>
      imports
        .filter((imported) => imported.startsWith('.'))
        .map((imported) => resolve(path, imported))
        .filter((imported) => floorOf(imported) === -1 || floorOf(imported) > floorOf(path))
        .map((imported) => `${path} imports ${imported}, which is not below it`),
    ),
  );
});

test('Imports make no circle', () => {
  const known = new Map(files.map((file) => [file.path, file]));
  const settled = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, above: readonly string[]): void => {
    const start = above.indexOf(path);
    if (start !== -1) circles.push([...above.slice(start), path].join(' → '));
    if (start !== -1 || settled.has(path)) return;
    for (const imported of known.get(path)?.imports ?? []) {
      if (imported.startsWith('.')) visit(resolve(path, imported), [...above, path]);
    }
    settled.add(path);
  };
  for (const { path } of files) visit(path, []);
  assertNone(circles);
});

test('Only the dependencies of package.json and the built-in modules are imported', () => {
  assertNone(
    files.flatMap(({ path, imports }) =>
      imports
        .filter((imported) => !/^(\.|node:|redis-parser$|arg$)/.test(imported))
        .map((imported) => `${path} imports ${imported}`),
    ),
  );
});

test('resp/socket.ts and resp/listener.ts are the only ones that import node:net or node:tls', () => {
  assertNone(
    files
      .filter(({ path }) => path !== 'resp/socket.ts' && path !== 'resp/listener.ts')
      .flatMap(({ path, imports }) =>
        imports
          .filter((imported) => /^(node:)?(net|tls)$/.test(imported))
          .map((imported) => `${path} imports ${imported}`),
      ),
  );
});

test('src/report/status-server.ts is the only one that imports node:http', () => {
  assertNone(
    files
      .filter(({ path }) => path !== 'src/report/status-server.ts')
      .flatMap(({ path, imports }) =>
        imports
          .filter((imported) => /^(node:)?https?2?$/.test(imported))
          .map((imported) => `${path} imports ${imported}`),
      ),
  );
});

test('src/cli/main.ts starts without what commands do: no socket, and no page', () => {
  const started = new Set<string>();
  const start = (path: string): void => {
    if (started.has(path)) return;
    started.add(path);
    const { code } = files.find((file) => file.path === path)!;
    const values = [...code.matchAll(/^(?:import|export)(?! type)[^'";]*?\bfrom\s*'(\.[^']+)'/gm)].map(
      (match) => match[1]!,
    );
    for (const imported of values) start(resolve(path, imported));
  };
  start('src/cli/main.ts');
  assert.ok(started.has('src/cli/commands.ts'), 'It has no commands');
  assertNone(
    ['src/cli/work.ts', 'resp/socket.ts', 'src/report/page.ts']
      .filter((path) => started.has(path))
      .map((path) => `src/cli/main.ts needs ${path} to start`),
  );
});

test('resp/ names no flag', () => {
  assertNone(
    files
      .filter(({ path }) => path.startsWith('resp/'))
      .flatMap(({ path, code }) =>
        [...code.matchAll(/['"` ]--[a-z][\w-]*|RUMP_\w*/g)].map(([flag]) => `${path}: ${flag}`),
      ),
  );
});

test('src/cli/main.ts is the only one that exits or traps signals', () => {
  assertNone(
    files
      .filter(({ path, code }) => path !== 'src/cli/main.ts' && /process\.(exit\b|\w+\(\s*['"`]SIG)/.test(code))
      .map(({ path }) => `${path} exits or traps a signal`),
  );
});

test('src/sync/options.ts holds types only', () => {
  const options = files.find(({ path }) => path === 'src/sync/options.ts');
  assert.ok(options, 'src/sync/options.ts is gone');
  assert.doesNotMatch(options.code, /^(export )?(default|const|let|var|function|async|class)\b/m);
  assert.doesNotMatch(options.code, /^import (?!type )/m);
});

test('Every file opens with a caption of one or two lines', () => {
  assertNone(
    files
      .map(({ path, text }) => ({ path, lines: captionOf(text) }))
      .filter(({ lines }) => lines === 0 || lines > LONGEST_CAPTION)
      .map(({ path, lines }) => `${path} has a caption of ${lines} lines`),
  );
});

test(`Every file has less than ${LONGEST_FILE} lines of code`, () => {
  assertNone(
    files
      .map(({ path, code }) => ({ path, lines: code.split('\n').filter((line) => line.trim() !== '').length }))
      .filter(({ lines }) => lines >= LONGEST_FILE)
      .map(({ path, lines }) => `${path} has ${lines} lines of code`),
  );
});

test(`Every file of less than ${SHORTEST_FILE} lines is imported by more than one other`, () => {
  const importers = new Map<string, number>();
  const loaded = new Set(files.flatMap(({ path, loads }) => loads.map((name) => resolve(path, name))));
  for (const { path, imports } of files) {
    for (const imported of new Set(imports.filter((name) => name.startsWith('.')).map((name) => resolve(path, name))))
      importers.set(imported, (importers.get(imported) ?? 0) + 1);
  }
  assertNone(
    files
      .filter(({ path, text }) => text.split('\n').length <= SHORTEST_FILE && importers.get(path) === 1)
      .filter(({ path }) => !loaded.has(path))
      .map(({ path }) => `${path} has few lines and one importer`),
  );
});

test('package.json has two runtime dependencies, and every version is exact', () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
    devDependencies: Record<string, string>;
  };
  assert.deepEqual(Object.keys(dependencies).toSorted(), ['arg', 'redis-parser']);
  assertNone(
    Object.entries({ ...dependencies, ...devDependencies })
      .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
      .map(([name, version]) => `${name} is asked for as ${version}`),
  );
});

function assertNone(complaints: readonly string[]): void {
  assert.ok(complaints.length === 0, complaints.join('\n'));
}

function floorOf(path: string): number {
  return FLOORS.indexOf(dirname(path));
}

function resolve(importer: string, imported: string): string {
  return posix.normalize(posix.join(dirname(importer), imported));
}

/** Comment lines at the very top, behind a shebang, as far as the first empty one; what follows that is a drawing. */
function captionOf(text: string): number {
  const lines = text.split('\n');
  if (lines[0]?.startsWith('#!')) lines.shift();
  const end = lines.findIndex((line) => !/^\/\/ \S/.test(line));
  return end === -1 ? lines.length : end;
}

function readSource(path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8');
  const code = text.replace(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
    (_, literal: string | undefined) => literal ?? '',
  );
  const imports = [
    ...code.matchAll(/^(?:import|export)\b[^'";]*?\bfrom\s*['"]([^'"]+)['"]/gm),
    ...code.matchAll(/^import\s*['"]([^'"]+)['"]/gm),
    ...code.matchAll(/\b(?:import|require)\s*\(\s*['"]([^'"]+)['"]/g),
  ].map((match) => match[1]!);
  const loads = [...code.matchAll(/\bawait import\('([^']+)'\)/g)].map((match) => match[1]!);
  return { path, text, code, imports, loads };
}
