// `npm run demo`: what rump does, shown on two servers of its own. Exits 1 when the copy is not what it should be.
import { fileURLToPath } from 'node:url';
import { demonstrate } from './demonstration.ts';

// A reader that has seen enough, such as `head`, ends the demo; what it started ends with it.
process.stdout.on('error', () => process.exit(1));

process.exitCode = await demonstrate({
  cli: fileURLToPath(new URL('../../src/cli/main.js', import.meta.url)),
  columns: process.stdout.columns ?? 80,
});
