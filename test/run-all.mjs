// What `npm test` leaves out for its time: the long tier of the tests on this Node; and on other versions of Node what stands
// nearest to it: bytes, sockets, files, HTTP and the command line, and copies, checks, streams, terminals and signals as a whole.
// Plain Node, because it starts other versions of itself. Everything runs, then the exit code says whether it passed.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fetchNodes } from './fetch-nodes.mjs';

const runner = fileURLToPath(new URL('../dist/test/run.js', import.meta.url));
const tell = (sentence) => process.stderr.write(`test:all: ${sentence}\n`);
const failures = fileURLToPath(new URL('../dist/test/failures.txt', import.meta.url));
const failed = [];
/** Older and newer ones are run: this one starts and copies in the tests of the bundle. */
const BETWEEN = '24.';
/** Parts of the paths of test files. */
const ON_OTHER_NODES = [
  'cli/',
  'resp/',
  'src/file',
  'src/report',
  'src/trace',
  'integration/copy',
  'integration/metrics',
  'integration/stream-files',
  'integration/signals',
  'integration/terminal',
];

writeFileSync(failures, '');
attempt('the long tier', process.execPath, ['--tiered'], { TEST_LONG: 'rest' });
for (const [version, program] of fetchNodes(tell))
  if (!version.startsWith(BETWEEN)) attempt(`Node ${version}`, program, ON_OTHER_NODES, {});

// Far behind the lines that told of them first, so all of them once more.
process.stderr.write(readFileSync(failures, 'utf8'));
for (const what of failed) tell(`${what} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;

function attempt(what, program, args, env) {
  tell(what);
  const { status, signal } = spawnSync(program, [runner, ...args, ...process.argv.slice(2)], {
    env: { ...process.env, TEST_FAILURES: failures, ...env },
    stdio: 'inherit',
  });
  // Whoever interrupts it means the whole run.
  if (signal !== null) process.exit(1);
  if (status !== 0) failed.push(what);
}
