// Stands in front of test files: a test that does not end, or leaves something behind that keeps the process, is told by its
// name, and what the process waits for; its process ends then. The runner could only say which process it was.
import { appendFileSync } from 'node:fs';
import { after, afterEach, beforeEach } from 'node:test';

interface Handle {
  readonly constructor: { readonly name: string };
  /** Of a child process. */
  readonly spawnargs?: readonly string[];
  readonly exitCode?: number | null;
  /** Of a socket. */
  readonly remotePort?: number;
}

/** Far above what any test needs on a busy machine, and far below what the runner gives to a process. */
const LONGEST_MS = 180_000;
/** In which a process ends that nothing keeps. */
const ENDING_MS = 20_000;
const SHOWN = 200;

/** By test, as two of them may have one name. */
const running = new Map<unknown, NodeJS.Timeout>();

beforeEach((t) => {
  const tooLong = (): never =>
    giveUp(`${'fullName' in t ? t.fullName : t.name} has not ended for ${LONGEST_MS / 1000} s`);
  running.set(t, setTimeout(tooLong, LONGEST_MS).unref());
});
afterEach((t) => {
  clearTimeout(running.get(t));
  running.delete(t);
});
after(() => {
  // Behind all others that listen. What Node itself does next can wait for ever for a socket that it has failed to close.
  process.on('exit', (code) => process.exit(code));
  setTimeout(() => giveUp('all tests have ended, but not their process'), ENDING_MS).unref();
});

function giveUp(sentence: string): never {
  const told = `${sentence}; the process waits for ${waitedFor().join(', ')}\n`;
  process.stderr.write(told);
  // For whoever runs several processes, and tells at the end what has failed.
  const file = process.env['TEST_FAILURES'];
  if (file !== undefined) appendFileSync(file, told);
  process.exit(1);
}

/** Node promises to tell the kinds of what keeps a process; which one of a kind it is, is worth more here than a promise. */
function waitedFor(): readonly string[] {
  const { _getActiveHandles: handles } = process as unknown as { _getActiveHandles: () => readonly Handle[] };
  const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout');
  return [...Reflect.apply(handles, process, []).map(describe), ...timers];
}

function describe(handle: Handle): string {
  const { spawnargs, remotePort, constructor } = handle;
  if (spawnargs !== undefined) return `${spawnargs.join(' ').slice(0, SHOWN)} (${handle.exitCode ?? 'running'})`;
  if (remotePort !== undefined) return `a connection to port ${remotePort}`;
  return constructor.name;
}
