// Runs every compiled *.test.js below dist/test, or those whose path holds one of the arguments, and fails on anything
// that did not run: a skipped test, a todo, a file without tests. (`node --test` takes other arguments in 20 than in 22.)
import { setMaxListeners } from 'node:events';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

/** Far above what any file needs; what hangs is killed rather than waited for. */
const FILE_TIMEOUT_MS = 300_000;

const root = fileURLToPath(new URL('.', import.meta.url));
const patterns = process.argv.slice(2);
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.js'))
  .filter((path) => patterns.length === 0 || patterns.some((pattern) => path.includes(pattern)))
  .toSorted()
  .map((path) => join(root, path));

const interruption = new AbortController();
// Every file listens to it.
setMaxListeners(0, interruption.signal);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interruption.abort());

const withoutTests = new Set(files);
let notRun = 0;

if (files.length === 0) {
  complain(`no test file matches ${patterns.join(' ') || '*.test.js'}`);
} else {
  run({ files, concurrency: 2, timeout: FILE_TIMEOUT_MS, signal: interruption.signal })
    .on('test:fail', () => {
      process.exitCode = 1;
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
      for (const file of withoutTests) complain(`no test ran in ${relative(root, file)}`);
    })
    .pipe(process.stdout);
}

function complain(sentence: string): void {
  process.stderr.write(`run: ${sentence}\n`);
  process.exitCode = 1;
}
