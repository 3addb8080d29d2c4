// A child process from its start to its end, which has to be a good one.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { killAtExit } from '../support/kill-at-exit.ts';

export interface ProcessOptions {
  /** A file that stands open for reading. */
  readonly stdin?: number;
  /** Default: inherited. */
  readonly env?: NodeJS.ProcessEnv;
  readonly onStart?: (pid: number) => void;
  /** Of stdout. */
  readonly onLine?: (line: string) => void;
}

/** Resolves at the moment the process has ended; rejects when it failed, with what it wrote to stderr. */
export async function runProcess(program: string, args: readonly string[], options: ProcessOptions): Promise<void> {
  const { stdin = 'ignore', env, onStart, onLine } = options;
  const child = spawn(program, args, { stdio: [stdin, onLine === undefined ? 'ignore' : 'pipe', 'pipe'], env });
  onStart?.(child.pid!);
  if (onLine !== undefined) createInterface({ input: child.stdout! }).on('line', onLine);
  killAtExit(child);
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => (complaint = `${complaint}${chunk.toString()}`.slice(-4000)));
  const closed = new Promise((resolve) => child.once('close', resolve));
  const ended = await new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? signal));
  });
  if (ended === 0) return;
  await closed;
  throw new Error(`${program} ended with ${ended}: ${complaint.trim() || 'it did not say why'}`);
}
