// What it takes to start: the help of the bundle and of the package, beside a Node that does nothing, by processor time.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ROOT } from '../support/pages.ts';
import type { Usage } from './copy-process.ts';
import { spread, type Spread } from './figures.ts';
import { describeMachine, type Machine } from './machine.ts';
import { runProcess } from './run-process.ts';
import { goalWords, grouped, lines } from './table.ts';

/** A start is short, and the machine is shared. */
const STARTS_PER_RUN = 5;
const MOST_MS = 80;
const HOOK = new URL('usage-hook.js', import.meta.url).href;
const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

export interface StartResult extends Machine {
  readonly date: string;
  readonly bench: 'start';
  /** Of the bundle. */
  readonly bytes: number;
  /** Milliseconds. */
  readonly rows: readonly (readonly [name: string, cpu: Spread])[];
}

export async function measureStart(runs: number): Promise<StartResult> {
  const { makeBundle } = (await import(pathToFileURL(join(ROOT, 'test/packaging/bundle.mjs')).href)) as {
    readonly makeBundle: (root: string) => Promise<Buffer>;
  };
  const bundle = await makeBundle(ROOT);
  const folder = mkdtempSync(join(tmpdir(), 'rump-start-'));
  const carried = join(folder, 'rump.cjs');
  writeFileSync(carried, bundle);
  const programs: readonly (readonly [name: string, args: readonly string[], times: number[]])[] = [
    ['node -e 0', ['--eval', '0'], []],
    ['the bundle --help', [carried, '--help'], []],
    ['the package --help', [MAIN, '--help'], []],
  ];
  try {
    for (let start = 0; start < runs * STARTS_PER_RUN; start++)
      for (const [, args, times] of programs) times.push(await cpuOf(args, join(folder, 'usage')));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const rows = programs.map(([name, , times]) => [name, spread(times)] as const);
  return { date: new Date().toISOString(), bench: 'start', bytes: bundle.length, ...describeMachine(), rows };
}

async function cpuOf(args: readonly string[], usageFile: string): Promise<number> {
  writeFileSync(usageFile, '');
  const env = { PATH: process.env['PATH'], BENCH_USAGE_FILE: usageFile };
  await runProcess(process.execPath, ['--import', HOOK, ...args], { env });
  return 1000 * (JSON.parse(readFileSync(usageFile, 'utf8')) as Usage).cpu;
}

export function startBlock({ node, processor, bytes, rows }: StartResult): string {
  const bare = rows[0]![1].median;
  const more = rows[1]![1].median - bare;
  return lines(
    `start: a bundle of ${grouped(bytes / 1024, 1)} KiB`,
    `  Node ${node}, one core (${processor}); medians, by processor time`,
    ...rows.map(([name, { median }]) => {
      return `  ${name.padEnd(24)}${grouped(median, 0).padStart(6)} ms${grouped(median - bare, 0).padStart(8)} ms more`;
    }),
    goalWords(`bundle --help ≤ ${MOST_MS} ms more`, more <= MOST_MS),
  );
}
