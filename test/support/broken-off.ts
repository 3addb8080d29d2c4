// Copies that are broken off while a test looks, with what they have kept by then.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { tagOf } from '../../src/cluster/slot.ts';
import { CHECKPOINT_PREFIX } from '../../src/scan/checkpoint-names.ts';
import type { TestClient } from './client.ts';
import { underWay } from './mid-run.ts';
import { processOf, startRump, type RunningRump } from './rump.ts';

export const KEYS = 6000;
/** Such a copy takes ten seconds, longer than anybody stands still; its pages are small, so that something is kept soon. */
export const SLOWLY = ['--tpslimit', '600', '--count', '50'];

export const setAll = (keys: number, value = ''): string[][] =>
  Array.from({ length: keys }, (_, i) => ['SET', `key:${i}`, `${value}${i}`]);

/** A name that is free, in a folder that goes with the test. */
export function fileFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'rump-resume-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'progress');
}

export async function sizeOf(client: TestClient): Promise<number> {
  return (await client.send('DBSIZE')) as number;
}

/** Keys that the file says are done; 0 where there is none. */
export function keptIn(file: string): number {
  return existsSync(file) ? keysIn(readFileSync(file, 'utf8')) : 0;
}

/** The same of what is kept at a target. */
export async function keptAt(client: TestClient): Promise<number> {
  const [name] = (await client.send('KEYS', 'rump:checkpoint:*')) as Buffer[];
  return name === undefined ? 0 : keysIn(String(await client.send('GET', name)));
}

/** The bytes by which what is kept at a target is removed from the node whose first slot this is. */
export function removalAt(slot: number): string {
  return commandAt('UNLINK', slot);
}

/** Those by which it is kept there. */
export function keepingAt(slot: number): string {
  return commandAt('SET', slot);
}

function commandAt(name: string, slot: number): string {
  const key = `${CHECKPOINT_PREFIX}{${tagOf(slot)}}`;
  return `${name}\r\n$${key.length}\r\n${key}`;
}

function keysIn(text: string): number {
  const { checkpoint } = JSON.parse(text) as { checkpoint: { figures: { keys: number } } };
  return checkpoint.figures.keys;
}

export async function kill(running: RunningRump): Promise<void> {
  processOf(running).kill('SIGKILL');
  await running.done;
}

/** Breaks a copy off by Ctrl-C once the file says that so many keys are done. */
export async function interrupt(args: readonly string[], file: string, keys = 1): Promise<RunningRump> {
  const running = startRump([...args, ...SLOWLY, '--resume', file]);
  await underWay(running, () => keptIn(file) >= keys);
  running.child.kill('SIGINT');
  await running.done;
  return running;
}
