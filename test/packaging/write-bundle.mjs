// Makes the one file: `npm run bundle`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeBundle } from './bundle.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, 'build');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'rump.cjs'), await makeBundle(root), { mode: 0o755 });
