// Runs the compiled *.test.js below dist/test, or those whose path holds one of the arguments, and fails on anything
// that did not run: a skipped test, a todo, a file without tests. (`node --test` takes other arguments in 20 than in 22.)
import { spawnSync } from 'node:child_process';
import { setMaxListeners } from 'node:events';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const isRest = process.env['TEST_LONG'] === 'rest';

/** Far above what any process needs; what hangs is killed rather than waited for. */
const TIMEOUT_MS = 1_200_000;

/** Integration tests with a cluster, that follow random writers, or that measure a process, take long: in the long tier each has a process of its own. */
const LONG = /\/(?:redis-cluster|sentinel|standing|terminal|usage-hook)\.js'/;
/** Of those, the ones that follow random writers take minutes in the long tier. */
const LONGEST = /\/support\/live\/model\.js'/;
/** The others share so many: to start one, and to compile what it imports, takes longer than many a file. */
const SHARED = isRest ? 10 : 12;
/** A folder with so many files has a process of its own; smaller ones share a few, for the same reason. */
const LARGE_FOLDER = 10;
const SHARED_FOLDERS = 4;

/** Whoever asks for the tier has more to do in the long one. */
const TIERED = /\bfrom '[./]*\/(?:support\/)?(?:tier|server-versions)\.js'/;

/** Of those, the ones that run the same tests on more data there. */
const LARGER = /\bimport \{[^}]*\b(?:count|runs|isLong|tier)\b[^}]*\} from '[./]*\/(?:support\/)?tier\.js'/;

const root = fileURLToPath(new URL('.', import.meta.url));
const groups = join(root, 'groups');
const { values, positionals: parts } = parseArgs({ options: { tiered: { type: 'boolean' } }, allowPositionals: true });
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.js'))
  .filter((path) => parts.length === 0 || parts.some((part) => path.includes(part)))
  .toSorted()
  .map((path) => join(root, path))
  .filter((path) => values.tiered !== true || TIERED.test(readFileSync(path, 'utf8')));

const interruption = new AbortController();
// Every process listens to it.
setMaxListeners(0, interruption.signal);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interruption.abort());

if (isRest) leaveOutQuick();

const withoutTests = new Set(files);
let notRun = 0;

if (files.length === 0) {
  complain(`no test file matches ${parts.join(' ') || '*.test.js'}`);
} else {
  // Most tests wait for clusters, timers and other processes more than half of the time; those of the long tier wait less.
  const concurrency = 2 * availableParallelism() + (isRest ? 0 : 1);
  run({ files: processesFor(files), concurrency, timeout: TIMEOUT_MS, signal: interruption.signal })
    .on('test:fail', ({ name, file = '', details }) => {
      process.exitCode = 1;
      keep(`${relative(root, file)} › ${name}\n  ${messageOf(details.error)}\n`);
    })
    .on('test:pass', ({ name, file, skip, todo }) => {
      if ((skip ?? false) !== false || (todo ?? false) !== false) notRun += 1;
      // Node reports a file that holds no test as a test of that name.
      else if (file !== undefined && name !== file) withoutTests.delete(file);
    })
    .compose(new spec())
    .on('end', () => {
      if (process.exitCode === 1) return;
      if (notRun > 0) complain(`${notRun} tests were skipped or are still to do`);
      // What has all its tests in the quick tier has none here.
      if (isRest) return;
      for (const file of withoutTests) complain(`no test ran in ${relative(root, file)}`);
    })
    .pipe(process.stdout);
}

/** Who takes the longest begins first. Integration tests share a few processes, and so do small folders; large ones have their own. */
function processesFor(files: readonly string[]): string[] {
  rmSync(groups, { recursive: true, force: true });
  mkdirSync(groups, { recursive: true });
  const longest: string[] = [];
  const long: string[] = [];
  const short: string[] = [];
  const folders = new Map<string, string[]>();
  for (const file of files) {
    const folder = relative(root, dirname(file));
    const text = readFileSync(file, 'utf8');
    if (folder !== 'integration') add(folders, folder, file);
    else if (LONGEST.test(text)) longest.push(file);
    else (LONG.test(text) ? long : short).push(file);
  }
  const alone = isRest ? [...longest, ...long].map((file) => writeAlone(file)) : [];
  const integration = new Map<string, string[]>();
  // Each of the shared ones has about as many that take long.
  for (const [index, file] of (isRest ? short : [...longest, ...long, ...short]).entries())
    add(integration, `integration-${(index % SHARED) + 1}`, file);
  const largestFirst = [...folders].toSorted(([, a], [, b]) => b.length - a.length);
  const own = largestFirst.filter(([, { length }]) => length >= LARGE_FOLDER);
  const shared = new Map<string, string[]>();
  for (const [index, [, members]] of largestFirst.slice(own.length).entries())
    for (const member of members) add(shared, `small-folders-${(index % SHARED_FOLDERS) + 1}`, member);
  const together = [...integration, ...own, ...shared];
  return [...alone, ...together.map(([name, members]) => writeGroup(name, members))];
}

function add(groups: Map<string, string[]>, name: string, file: string): void {
  groups.set(name, [...(groups.get(name) ?? []), file]);
}

/** One file that runs the tests of several, each as a suite of its name. */
function writeGroup(name: string, members: readonly string[]): string {
  const suites = members.map((file) => {
    const [name, url] = [relative(root, file), pathToFileURL(file).href].map((text) => JSON.stringify(text));
    return `describe(${name}, async () => { await import(${url}); });`;
  });
  const path = join(groups, `${name.replaceAll(sep, '-') || 'test'}.js`);
  // What is to be changed of node:test has to be before anybody imports it.
  const before = isRest ? ["import '../without-quick.js';"] : [];
  const registering = ["await import('../every-test-ends.js');", "const { describe } = await import('node:test');"];
  writeFileSync(path, [...before, ...registering, ...suites, ''].join('\n'));
  return path;
}

function writeAlone(file: string): string {
  return writeGroup(relative(root, file).replace(/\.js$/, ''), [file]);
}

/** For without-quick.ts: the names of tests that are the same in the long tier. */
function leaveOutQuick(): void {
  const larger = files.filter((file) => LARGER.test(readFileSync(file, 'utf8')));
  const same = files.filter((file) => !larger.includes(file));
  const kept = new Set(quickNamesOf(larger));
  const names = quickNamesOf(same).filter((name) => !kept.has(name));
  writeFileSync(join(root, 'quick-names.json'), JSON.stringify(names));
}

function quickNamesOf(of: readonly string[]): string[] {
  const urls = of.map((file) => pathToFileURL(file).href);
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(root, 'quick-names.js'), ...urls], {
    env: { ...process.env, TEST_LONG: '' },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`The names of the quick tests cannot be told\n${stderr}`);
  return JSON.parse(stdout) as string[];
}

function complain(sentence: string): void {
  process.stderr.write(`run: ${sentence}\n`);
  process.exitCode = 1;
  keep(`${sentence}\n`);
}

/** For whoever runs this several times, and tells at the end what has failed. */
function keep(failure: string): void {
  const file = process.env['TEST_FAILURES'];
  if (file !== undefined) appendFileSync(file, failure);
}

/** A test that fails is told with what it threw as the cause. */
function messageOf(error: Error): string {
  const { cause = error } = error;
  return (cause instanceof Error ? cause.message : String(cause)).split('\n').slice(0, 12).join('\n  ');
}
