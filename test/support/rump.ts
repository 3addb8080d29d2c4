// The real command line, as a child process where it matters: what an operator sees of it, and nothing of what is inside.
import { ChildProcess, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { StopSignal } from '../../src/cli/show/output.ts';
import { killAtExit } from './kill-at-exit.ts';
import { startHere } from './rump-here.ts';
import { isLong } from './tier.ts';

export interface RumpOptions {
  /** Added to the inherited environment, which is cleared of RUMP_*. */
  readonly env?: Readonly<Record<string, string>>;
  /** What stdin holds; it is empty otherwise, and with `null` nothing comes and it stays open. */
  readonly input?: string | Buffer | null;
  /** Sent once: so many milliseconds after the start, or when the output so far matches. */
  readonly signal?: { readonly after: RegExp | number; readonly name: NodeJS.Signals };
  readonly cwd?: string;
}

export interface RumpResult {
  /** `null` where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Milliseconds from the start to the end of all output. */
  readonly elapsed: number;
}

export interface RunningRump {
  /** As much of a process as any run has. */
  readonly child: Pick<ChildProcess, 'exitCode' | 'signalCode'> & { kill(signal: StopSignal): unknown };
  /** What it wrote so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Whatever it does: for the end of a test. */
  end(): void;
  /** Rejects when it could not be started or did not end in time. */
  readonly done: Promise<RumpResult>;
}

export interface RumpProcess extends RunningRump {
  readonly child: ChildProcessWithoutNullStreams;
}

/** The compiled command line. */
export const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const LONGEST_MS = 120_000;

/** In the quick tier a run that needs no process of its own has none; in the long one that it ends is seen as well. */
export async function runRump(args: readonly string[], options: RumpOptions = {}): Promise<RumpResult> {
  return startRump(args, options).done;
}

/** The same of one that is looked at meanwhile, or stopped by a signal: `spawnRump` has what may be done to a process alone. */
export function startRump(args: readonly string[], options: RumpOptions = {}): RunningRump {
  const { env = {}, input, signal, cwd } = options;
  const isPlain =
    input !== null && (input ?? '').length === 0 && signal === undefined && cwd === undefined && !args.some(isStream);
  if (isLong || !isPlain || Object.keys(env).some((name) => !/^(?:RUMP_|TMPDIR$)/.test(name)))
    return spawnRump(args, options);
  return startHere(args, env);
}

export function runInspect(endpoint: string, ...words: readonly string[]): Promise<RumpResult> {
  return runRump(['inspect', endpoint, ...words]);
}

/** It stands for stdin or stdout, which are those of a process. */
function isStream(arg: string): boolean {
  return /^(?:--?(?:from|to)=)?(?:file:(?:\/\/)?)?-(?:\.\w+)?$|^(?:--combined=)?-$|\/dev\/std/.test(arg);
}

export function spawnRump(args: readonly string[], options: RumpOptions = {}): RumpProcess {
  const started = performance.now();
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: options.cwd,
    env: { ...cleanEnvironment(), ...options.env },
  });
  killAtExit(child);
  // It may end before it has read its input; that is for the test to judge.
  child.stdin.on('error', () => {});
  if (options.input !== null) child.stdin.end(options.input);

  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const running = {
    child,
    end: () => void child.kill('SIGKILL'),
    get stdout() {
      return Buffer.concat(stdout).toString();
    },
    get stderr() {
      return Buffer.concat(stderr).toString();
    },
    done: new Promise<RumpResult>((resolve, reject) => {
      let late = false;
      const deadline = setTimeout(() => {
        late = true;
        child.kill('SIGKILL');
      }, LONGEST_MS);
      child.once('error', reject);
      child.once('close', (code, signal) => {
        clearTimeout(deadline);
        const result = { code, signal, stdout: running.stdout, stderr: running.stderr };
        if (late) reject(new Error(`rump did not end within ${LONGEST_MS} ms: ${JSON.stringify(result)}`));
        else resolve({ ...result, elapsed: performance.now() - started });
      });
    }),
  };
  if (options.signal !== undefined) sendSignal(running, options.signal);
  return running;
}

function sendSignal(running: RumpProcess, { after, name }: NonNullable<RumpOptions['signal']>): void {
  const { child } = running;
  if (typeof after === 'number') {
    const timer = setTimeout(() => child.kill(name), after);
    child.once('exit', () => clearTimeout(timer));
    return;
  }
  const look = (): void => {
    if (!after.test(running.stdout) && !after.test(running.stderr)) return;
    child.stdout.off('data', look);
    child.stderr.off('data', look);
    child.kill(name);
  };
  child.stdout.on('data', look);
  child.stderr.on('data', look);
}

/** Of a run that `spawnRump` has started. */
export function processOf({ child }: RunningRump): ChildProcess {
  if (child instanceof ChildProcess) return child;
  throw new Error('The run has no process of its own');
}

/** What is inherited, without what would be taken for options, and without what tells a child that it is a test. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(RUMP_|NODE_TEST_CONTEXT$)/.test(name));
  return Object.fromEntries(inherited);
}
