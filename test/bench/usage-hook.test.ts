// What a process that was preloaded with the hook tells about itself.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Usage } from './copy-process.ts';

const MIB = 2 ** 20;
const HOOK = new URL('./usage-hook.js', import.meta.url).href;

test('The usage hook tells the peak memory of its own process, not of the one that started it', (t) => {
  const heavy = Buffer.alloc(200 * MIB, 1);
  const light = usageOf(t, '0');
  assert.ok(light.peakRss > 10 * MIB && light.peakRss < heavy.length, `${light.peakRss / MIB} MiB`);
});

test('The usage hook tells memory that was given back, and CPU time in seconds', (t) => {
  const usage = usageOf(t, `Buffer.alloc(${150 * MIB}, 1); for (const end = Date.now() + 300; Date.now() < end; );`);
  assert.ok(usage.peakRss > 150 * MIB, `${usage.peakRss / MIB} MiB`);
  assert.ok(usage.cpu > 0.05 && usage.cpu < 5, `${usage.cpu} s`);
});

function usageOf(t: { after: (clean: () => void) => void }, script: string): Usage {
  const dir = mkdtempSync(join(tmpdir(), 'rump-usage-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'usage');
  const env = { PATH: process.env['PATH'], BENCH_USAGE_FILE: file };
  execFileSync(process.execPath, ['--import', HOOK, '-e', script], { env });
  return JSON.parse(readFileSync(file, 'utf8')) as Usage;
}
