// Servers of other versions than the default one, where the set-up could get them: see `test/fetch-servers.mjs`.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { variants } from './tier.ts';

export type Version = (typeof VERSIONS)[number];

/** A server for a test, with a name for the title of it. */
export interface ServerChoice {
  readonly name: string;
  readonly binary: string | undefined;
}

/** Every one that the set-up knows where to find. */
export const VERSIONS = ['redis-6.0', 'redis-7.0', 'redis-8.0', 'redict-7.3', 'valkey-8.1', 'valkey-9.1'] as const;

export const DEFAULT: ServerChoice = { name: 'the default server', binary: undefined };

const BIN = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'rump-servers', 'bin');

const DEMAND = 'TEST_SERVERS';
const isDemanded = process.env[DEMAND] === 'all';

/** Where the version is of no account: the default server in the quick tier, these in the long one. */
export function servers(...versions: readonly Version[]): readonly ServerChoice[] {
  return variants(undefined, ...versions).flatMap((version) =>
    version === undefined ? [DEFAULT] : present([version]),
  );
}

/** Where the default server lacks something: the first of those that have it in the quick tier, the others in the long one. */
export function serversWith(...versions: readonly [Version, ...Version[]]): readonly ServerChoice[] {
  return present(variants(...versions));
}

/** Those that are there. @throws if all are demanded, and one is not there */
export function present(versions: readonly Version[]): readonly ServerChoice[] {
  return versions
    .map((name) => ({ name, binary: join(BIN, name) }))
    .filter(({ name, binary }) => {
      if (existsSync(binary)) return true;
      if (isDemanded) throw new Error(`${name} is not at ${binary}, and every version is demanded`);
      return false;
    });
}
