// Writes the manual page beside what is compiled, with each build.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMMANDS } from '../../src/cli/commands.ts';
import { versionNumber } from '../../src/cli/help.ts';
import { ROOT } from '../support/pages.ts';
import { manPage } from './man-page.ts';

writeFileSync(join(ROOT, 'dist/rump.1'), manPage(COMMANDS, versionNumber()));
