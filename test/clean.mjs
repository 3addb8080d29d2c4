// Empties dist/ before a build, so that a file that was renamed leaves no stale twin behind.
import { rmSync } from 'node:fs';

rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true });
