// One run of rump as a whole process, with what it used of the machine by its own account.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProcess, type ProcessOptions } from './run-process.ts';
import type { Site } from './site.ts';

/** A command line without the endpoints: program and arguments. */
export type CopyCommand = readonly [program: string, ...args: string[]];

export interface Usage {
  /** Seconds, user and system. */
  readonly cpu: number;
  /** Most bytes resident at any time. */
  readonly peakRss: number;
}

const HOOK = new URL('./usage-hook.js', import.meta.url).href;

/** The same of `rump inspect` without keys. Rejects when it has not counted so many keys. */
export async function runInspect(
  [program, ...args]: CopyCommand,
  source: Site,
  target: Site,
  keys: number,
): Promise<Usage> {
  const usageFile = join(target.dir, 'usage');
  const [, endpoint] = source.words('from');
  const lines: string[] = [];
  const onLine = (line: string): unknown => lines.push(line);
  await runProcess(program, [...args, 'inspect', endpoint!, '--json'], { onLine, env: environment(usageFile) });
  const counted = (JSON.parse(lines.at(-1) ?? '{}') as { keys?: number }).keys;
  if (counted !== keys) throw new Error(`Wrong figures: ${keys} keys at the source, ${counted} counted`);
  return readUsage(usageFile, program);
}

/** Rejects when the copy says that it failed. @param options with `onLine` it tells of its progress */
export async function runCopy(
  [program, ...args]: CopyCommand,
  source: Site,
  target: Site,
  options: Pick<ProcessOptions, 'onStart' | 'onLine'> = {},
): Promise<Usage> {
  const usageFile = join(target.dir, 'usage');
  const endpoints = [...source.words('from'), ...target.words('to')];
  const output = options.onLine === undefined ? '--silent' : '--json';
  await runProcess(program, [...args, ...endpoints, output], { ...options, env: environment(usageFile) });
  return readUsage(usageFile, program);
}

/** A bare one: neither RUMP_* nor NODE_OPTIONS of the shell may change what is measured. */
function environment(usageFile: string): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], NODE_OPTIONS: `--import=${HOOK}`, BENCH_USAGE_FILE: usageFile };
}

/** A wrapper that runs on Node leaves a line of its own: CPU adds up, the largest one is the peak. */
function readUsage(path: string, program: string): Usage {
  const processes = readLines(path).map((line) => JSON.parse(line) as Usage);
  if (processes.length === 0) throw new Error(`Cannot tell what ${program} used: it does not run on Node`);
  return {
    cpu: processes.reduce((sum, { cpu }) => sum + cpu, 0),
    peakRss: Math.max(...processes.map(({ peakRss }) => peakRss)),
  };
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').trim().split('\n');
  } catch {
    return [];
  }
}
