// The version of this program, from the one place that states it.

import { readFileSync } from 'node:fs';

/** Seen from `dist/src/cli`. */
const MANIFEST = new URL('../../../package.json', import.meta.url);

export function version(): string {
  return (JSON.parse(readFileSync(MANIFEST, 'utf8')) as { version: string }).version;
}
