// Child processes of a test, and their folders, do not outlive it, whichever way it ends short of SIGKILL.
import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { constants } from 'node:os';

interface Kept {
  readonly dir: string | undefined;
  readonly leads: boolean;
}

const children = new Map<ChildProcess, Kept>();

process.on('exit', () => {
  for (const [child, { dir, leads }] of children) {
    if (leads) process.kill(-child.pid!, 'SIGKILL');
    else child.kill('SIGKILL');
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  }
});
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}

/** @param leads whether it was started detached, and has children of its own, which would go on to write into the folder */
export function killAtExit(child: ChildProcess, dir?: string, leads = false): void {
  children.set(child, { dir, leads });
  child.once('exit', () => children.delete(child));
}
