// Servers of other versions than the default one, where the set-up could get them: see `test/fetch-servers.mjs`.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export type Version = (typeof VERSIONS)[number];

/** Every one that the set-up knows where to find. */
export const VERSIONS = ['redis-6.0', 'redis-7.0', 'redis-8.0', 'redict-7.3', 'valkey-8.1', 'valkey-9.1'] as const;

const BIN = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'rump-servers', 'bin');

/** The program of that version, or `undefined` where the set-up has said that it cannot be had. */
function binaryOf(version: Version): string | undefined {
  const path = join(BIN, version);
  return existsSync(path) ? path : undefined;
}

/** The default server and the versions that are there, each with a name for the titles of tests. */
export function servers(
  ...versions: readonly Version[]
): { readonly name: string; readonly binary: string | undefined }[] {
  const others = versions.map((version) => ({ name: version, binary: binaryOf(version) }));
  return [{ name: 'the default server', binary: undefined }, ...others.filter(({ binary }) => binary !== undefined)];
}
