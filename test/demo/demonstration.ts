// The demo from top to bottom: two servers, a source full of keys, one copy by the real command line, one look at both.
import { spawn } from 'node:child_process';
import { killAtExit } from '../support/kill-at-exit.ts';
import { compare, type Comparison } from './comparison.ts';
import { comparisonTable } from './comparison-table.ts';
import { foldCommand, foldText } from './fold.ts';
import { fillSample } from './sample.ts';
import { startServerPair, type ServerPair } from './server-pair.ts';

export interface DemonstrationOptions {
  /** The script of the command line. */
  readonly cli: string;
  /** Width of what is printed. */
  readonly columns: number;
}

const NEXT = [
  'npx rump',
  '--from redis://:password@old:6379/0',
  '--to redis://new:6379/0',
  '--on-conflict skip',
] as const;

/** Returns an exit code. */
export async function demonstrate({ cli, columns }: DemonstrationOptions): Promise<number> {
  const tell = (text: string): boolean => process.stdout.write(`${foldText(text, columns)}\n`);
  const servers = await startServerPair();
  try {
    tell(servers.description);
    const keys = await fillSample(await servers.source.client());
    tell(`The source has ${keys.toLocaleString('en')} keys of all types, the target none.\n`);

    const code = await copy(cli, servers, columns);
    if (code !== 0) {
      tell(`\nrump ended with exit code ${code}.`);
      return 1;
    }

    const comparison = await compare(await servers.source.client(), await servers.target.client());
    tell('\nBoth sides, key by key, as GET, LRANGE and the like show them:\n');
    process.stdout.write(`${comparisonTable(comparison)}\n\n`);
    tell(verdictOf(comparison));
    if (!comparison.isSame) return 1;

    tell('\nNext, with two servers of your own:\n');
    process.stdout.write(`${foldCommand(NEXT, columns)}\n`);
    return 0;
  } finally {
    await servers.stop();
  }
}

/** What it prints is seen as it comes; returns its exit code. */
async function copy(cli: string, { source, target }: ServerPair, columns: number): Promise<number | string> {
  const endpoints = [
    ['-from', `${source.url}/0`],
    ['-to', `${target.url}/0`],
  ];
  process.stdout.write(`${foldCommand(['$ rump', ...endpoints.map((words) => words.join(' '))], columns)}\n`);
  const child = spawn(process.execPath, [cli, ...endpoints.flat()], { stdio: ['ignore', 'inherit', 'inherit'] });
  killAtExit(child);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? signal ?? ''));
  });
}

function verdictOf({ isSame, all, expiring, targetOnly }: Comparison): string {
  if (isSame) {
    return `Nothing is missing and nothing differs; the ${expiring.toLocaleString('en')} keys that expire do so at the same time on both sides.`;
  }
  const different = (all.keys - all.same).toLocaleString('en');
  return `${different} keys differ or are missing on the target, and ${targetOnly} are on the target only.`;
}
