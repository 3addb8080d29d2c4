// A real terminal, by way of tmux: what a person sees after every escape sequence was obeyed.
import { execFile, execFileSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

export interface TerminalOptions {
  readonly columns: number;
  /** Default 24. */
  readonly rows?: number;
  /** Run by `sh`; the terminal stays open behind it. */
  readonly command: string;
}

const run = promisify(execFile);
/** To look takes two processes. */
const POLL_MS = 100;
const LONGEST_MS = 60_000;

let terminals = 0;

/** Ends with the test. */
export function openTerminal(t: TestContext, { columns, rows = 24, command }: TerminalOptions): Terminal {
  terminals += 1;
  const terminal = new Terminal(`rump-test-${process.pid}-${terminals}`);
  const size = ['-x', String(columns), '-y', String(rows)];
  try {
    execFileSync('tmux', terminal.args('new-session', '-d', ...size, `${command}; exec sleep 60`), { stdio: 'pipe' });
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw isMissing ? new Error('tmux is not on PATH: install it (Debian, Ubuntu: apt-get install tmux)') : error;
  }
  t.after(() => terminal.close());
  return terminal;
}

export class Terminal {
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  /** Neither the tmux server nor the configuration of whoever runs the tests is touched. */
  args(...command: string[]): string[] {
    return ['-L', this.#name, '-f', '/dev/null', ...command];
  }

  /** The lines that are not blank, without the spaces at their ends; a line that wrapped is two. */
  async screen(): Promise<string[]> {
    const { stdout } = await run('tmux', this.args('capture-pane', '-p'));
    return stdout
      .split('\n')
      .map((line) => line.trimEnd())
      .filter((line) => line !== '');
  }

  /** The screen as soon as a line of it matches. */
  async shows(pattern: RegExp): Promise<string[]> {
    for (const deadline = Date.now() + LONGEST_MS; ; await sleep(POLL_MS)) {
      const lines = await this.screen();
      if (lines.some((line) => pattern.test(line))) return lines;
      if (Date.now() > deadline) throw new Error(`No ${pattern} on the screen:\n${lines.join('\n')}`);
    }
  }

  async press(...keys: string[]): Promise<void> {
    await run('tmux', this.args('send-keys', ...keys));
  }

  async resize(columns: number): Promise<void> {
    await run('tmux', this.args('resize-window', '-x', String(columns)));
  }

  async close(): Promise<void> {
    await run('tmux', this.args('kill-server')).catch(() => {});
  }
}
