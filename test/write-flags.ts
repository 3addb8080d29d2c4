// Writes the table of flags into README.md: `npm run docs`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { read, ROOT, withFlags } from './support/pages.ts';

writeFileSync(join(ROOT, 'README.md'), withFlags(read('README.md')));
