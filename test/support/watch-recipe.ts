// The recipe of README.md that watches a run: its page and its probes, what Prometheus reads, and what is left of it in files.
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestClient } from './client.ts';
import { blocksOf, sectionOf } from './pages.ts';
import { readMetrics, valueOf } from './prometheus.ts';
import { startShell } from './recipe-shell.ts';
import { freePort } from './redis-server.ts';

/** @param commandsOf a block of commands of a recipe, with addresses of here, and what else is to be another one */
export async function watchRun(
  folder: string,
  from: TestClient,
  commandsOf: (recipe: string, block: number, said?: (commands: string) => string) => string,
): Promise<void> {
  await from.pipeline(Array.from({ length: 100 }, (_, i) => ['SET', `key:${i}`, i]));
  const port = await freePort();
  const atPort = (said: string): string => said.replaceAll('9121', String(port));
  rmSync(join(folder, 'moved'), { force: true });
  const running = startShell(folder, commandsOf('Watch a run', 0, atPort));
  await running.says(/^rump: in sync$/m);
  const [scraping] = blocksOf('Watch a run', 'yaml').map(atPort);
  const [, target] = /^ *- targets: \['(.+)'\]$/m.exec(scraping!)!;
  const scrape = async (): Promise<ReturnType<typeof readMetrics>> =>
    readMetrics(await (await fetch(`http://${target}/metrics`)).text());
  let scraped = await scrape();
  // Figures are told a moment after the keys.
  while (valueOf(scraped, 'rump_keys_copied_total') !== 100) scraped = await scrape();
  const section = sectionOf('Watch a run');
  const named = Array.from(section.matchAll(/\b(rump_(?!exit|success)\w+)/g), ([, name]) => name!);
  assert.deepEqual(
    named.filter((name) => !scraped.has(name)),
    [],
  );
  const paths = Array.from(section.matchAll(/^\| `(\/\w*)` /gm), ([, path]) => path!);
  assert.equal(paths.length, 5);
  for (const path of paths) assert.equal((await fetch(`http://${target}${path}`)).status, 200, path);
  assert.match(await startShell(folder, commandsOf('Watch a run', 1, atPort)).done, /^ok: in-sync$/m);
  writeFileSync(join(folder, 'moved'), '');
  assert.match(await running.done, /Sync done\.\n/);

  await startShell(folder, commandsOf('Watch a run', 2)).done;
  const kept = readMetrics(readFileSync(join(folder, 'nightly.prom'), 'utf8'));
  assert.deepEqual(kept.get('rump_exit_code')?.samples, [{ labels: { run: 'nightly' }, value: 0 }]);
  assert.ok(valueOf(kept, 'rump_success_timestamp_seconds')! > 1.7e9);
  const log = readFileSync(join(folder, 'run.log'), 'utf8');
  assert.equal(log.match(/^\{"event":"exit",.*"exitCode":0\}$/gm)?.length, 2);
}
