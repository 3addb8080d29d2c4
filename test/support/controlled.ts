// A copy that is told things while it runs.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { underWay } from './mid-run.ts';
import { folderOf } from './resp-file.ts';
import { runRump, startRump, type RunningRump } from './rump.ts';

/** To ask it takes as much of a processor as a small copy. */
const POLL_MS = 20;

export interface Controlled {
  readonly running: RunningRump;
  readonly path: string;
  /** What it answers. */
  readonly tell: (...words: string[]) => Promise<string>;
}

/** It answers. */
export async function listening(running: RunningRump, path: string): Promise<void> {
  await underWay(running, async () => (await runRump(['ctl', path, 'ping'])).code === 0, POLL_MS);
}

/** A copy that listens. @param start `spawnRump` where something is done to its process */
export async function startControlled(t: TestContext, args: readonly string[], start = startRump): Promise<Controlled> {
  const path = join(folderOf(t), 'run.sock');
  const running = start([...args, '--control', path]);
  t.after(() => running.end());
  await listening(running, path);
  const tell = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runRump(['ctl', path, ...words]);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  return { running, path, tell };
}

export async function statusOf({ tell }: Controlled): Promise<Record<string, unknown>> {
  return JSON.parse(await tell('status', 'json')) as Record<string, unknown>;
}

export async function until(run: Controlled, holds: (status: Record<string, unknown>) => boolean): Promise<void> {
  await underWay(run.running, async () => holds(await statusOf(run)), POLL_MS);
}
