// Makes the one file: `npm run bundle`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/pages.ts';
import { makeBundle } from './bundle.ts';

const folder = join(ROOT, 'build');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'rump.cjs'), await makeBundle(ROOT), { mode: 0o755 });
