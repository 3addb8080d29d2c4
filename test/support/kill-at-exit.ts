// Child processes of a test, and their folders, do not outlive it, whichever way it ends short of SIGKILL.
import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { constants } from 'node:os';

const children = new Map<ChildProcess, string | undefined>();

process.on('exit', () => {
  for (const [child, dir] of children) {
    child.kill('SIGKILL');
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  }
});
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}

export function killAtExit(child: ChildProcess, dir?: string): void {
  children.set(child, dir);
  child.once('exit', () => children.delete(child));
}
