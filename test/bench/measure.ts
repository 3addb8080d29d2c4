// One dataset from beginning to end: the source is filled once, then rump and the floors take turns, each with a target
// of its own that is new and empty.
import { devNull } from 'node:os';
import { join } from 'node:path';
import { compareSample, compareSizes } from './compare.ts';
import { runCopy, type Usage } from './copy-process.ts';
import { datasets, scaled, type DatasetName } from './dataset.ts';
import { copyFigures, floorFigures, ratios } from './figures.ts';
import { fill } from './fill.ts';
import { floors, type FloorName } from './floors.ts';
import { describeMachine, describeServer } from './machine.ts';
import type { BenchOptions } from './options.ts';
import { writeRestoreFrames } from './restore-frames.ts';
import type { Result } from './result.ts';
import { startSite, type Site, type SiteOptions } from './site.ts';
import { time, type Timing } from './time.ts';

/** Keys looked at, value by value, behind the last run. */
const SAMPLE_KEYS = 1000;

/** Rejects when a copy fails or is not a true one. */
export async function measure(
  name: DatasetName,
  options: BenchOptions,
  tell: (stage: string) => void,
): Promise<Result> {
  const dataset = scaled(datasets[name], options.scale);
  const site = { binary: options.server, delay: dataset.delay };
  const source = await startSite(site);
  try {
    tell(`filling the source with ${dataset.keys} keys`);
    await fill(source.client, dataset);
    const frames = options.floors.includes('a') ? join(source.server.dir, 'frames.resp') : devNull;
    const bytes = await writeRestoreFrames(source.client, frames);

    const copy = (sample: number): Promise<Timing & Usage> =>
      intoNewTarget(site, async (target) => {
        const { result, ...timing } = await time(source, target, () => runCopy(options.command, source, target));
        await compareSizes(source.client, target.client);
        await compareSample(source.client, target.client, sample);
        return { ...timing, ...result };
      });
    const floor = (floorName: FloorName): Promise<Timing> =>
      intoNewTarget(site, async (target) => {
        const run = { source, target, keys: dataset.keys, frames };
        const { result: _, ...timing } = await time(source, target, () => floors[floorName].copy(run));
        await compareSizes(source.client, target.client);
        return timing;
      });

    tell('warming up');
    await copy(0);
    const copies: (Timing & Usage)[] = [];
    const replays = new Map<FloorName, Timing[]>(options.floors.map((floorName) => [floorName, []]));
    for (let run = 1; run <= options.runs; run += 1) {
      tell(`run ${run} of ${options.runs}`);
      copies.push(await copy(run === options.runs ? SAMPLE_KEYS : 0));
      for (const [floorName, timings] of replays) timings.push(await floor(floorName));
    }

    const volume = { keys: dataset.keys, bytes };
    const ofFloors = [...replays].map(([floorName, timings]) => [
      floorName,
      { ...floorFigures(timings, volume), ratio: ratios(copies, timings) },
    ]);
    return {
      date: new Date().toISOString(),
      dataset: name,
      ...volume,
      scale: options.scale,
      runs: options.runs,
      server: await describeServer(source.client),
      ...describeMachine(),
      rump: copyFigures(copies, volume),
      floors: Object.fromEntries(ofFloors) as Result['floors'],
    };
  } finally {
    await source.stop();
  }
}

async function intoNewTarget<T>(options: SiteOptions, use: (target: Site) => Promise<T>): Promise<T> {
  const target = await startSite(options);
  try {
    return await use(target);
  } finally {
    await target.stop();
  }
}
