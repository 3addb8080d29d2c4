// One dataset from beginning to end: the source is filled once, then rump and the floors take turns, each with a target
// of its own that is new and empty.
import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { devNull } from 'node:os';
import { createInterface } from 'node:readline';
import { decodePayload } from '../../src/rdb/decode.ts';
import { readLine } from '../support/exported.ts';
import { compareSample, compareSizes } from './compare.ts';
import { runCopy, runInspect, type CopyCommand, type Usage } from './copy-process.ts';
import { courses, fileOf, framesOf } from './course.ts';
import { datasets, scaled, type DatasetName } from './dataset.ts';
import { buildRatios, copyFigures, floorFigures, floorRatios } from './figures.ts';
import { fill } from './fill.ts';
import { floors, replay, type FloorName } from './floors.ts';
import { describeMachine, describeServer } from './machine.ts';
import type { BenchOptions } from './options.ts';
import { writeRestoreFrames } from './restore-frames.ts';
import type { Result } from './result.ts';
import { startSite, type Site } from './site.ts';
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
  const course = courses[dataset.course];
  const compared = options.floors.filter((floor) => course.floors.includes(floor));
  const place = { binary: options.server, delay: dataset.delay };
  const source = await course.startSource(place);
  // What is compared with a plain copy needs a plain server with the same data, if the source is not one itself.
  const plain = compared.includes('c') && course.startSource !== startSite ? await startSite(place) : source;
  try {
    tell(`filling the source with ${dataset.keys} keys`);
    for (const site of new Set([source, plain])) await fill(site.pipeline, dataset);
    const needsFrames = compared.includes('a') || course.reads === 'frames';
    const bytes = await writeRestoreFrames(source.clients, needsFrames ? framesOf(source) : devNull);
    if (course.reads === 'snapshot') await source.clients[0]!.send('SAVE');

    const isRead = course.reads === undefined;
    const copy = (build: CopyCommand, sample: number): Promise<Timing & Usage> =>
      withSite(course.startTarget(place), async (target) => {
        const from = course.reads === undefined ? source : fileOf(source, course.reads);
        const [program, ...args] = build;
        if (course.compares === true) await runCopy(build, from, target);
        const words = course.compares === true ? ['check'] : (course.flags?.(target) ?? []);
        const command: CopyCommand = [program, ...args, ...words];
        const run = (): Promise<Usage> =>
          course.counts === true ? runInspect(build, from, target, dataset.keys) : copyInto(target, command, from);
        const { result, ...timing } = await time(source, target, isRead, run);
        if (course.counts === true) return { ...timing, ...result };
        if (course.writesFile === 'frames') await checkFile(target, source, sample);
        else if (course.writesFile === 'lines') await checkLines(target, source, sample);
        else await check(source, target, sample);
        return { ...timing, ...result };
      });
    const floor = (floorName: FloorName): Promise<Timing & Partial<Usage>> =>
      withSite(startSite(place), async (target) => {
        const { command } = options;
        const run = { source: plain, target, keys: dataset.keys, frames: framesOf(source), command };
        const { result, ...timing } = await time(plain, target, floorName !== 'a', () => floors[floorName].copy(run));
        await compareSizes(plain, target);
        return { ...timing, ...result };
      });

    tell('warming up');
    await copy(options.command, 0);
    const copies: (Timing & Usage)[] = [];
    const others: (Timing & Usage)[] = [];
    const replays = new Map<FloorName, (Timing & Partial<Usage>)[]>(compared.map((floorName) => [floorName, []]));
    for (let run = 1; run <= options.runs; run += 1) {
      tell(`run ${run} of ${options.runs}`);
      copies.push(await copy(options.command, run === options.runs ? Math.min(SAMPLE_KEYS, dataset.keys) : 0));
      if (options.against !== undefined) others.push(await copy(options.against, 0));
      for (const [floorName, timings] of replays) timings.push(await floor(floorName));
    }

    const volume = { keys: dataset.keys, bytes };
    const ofFloors = [...replays].map(([floorName, timings]) => [
      floorName,
      { ...floorFigures(timings, volume), ...floorRatios(copies, timings) },
    ]);
    return {
      date: new Date().toISOString(),
      dataset: name,
      ...volume,
      scale: options.scale,
      runs: options.runs,
      server: await describeServer(source.clients[0]!),
      ...describeMachine(),
      rump: copyFigures(copies, volume),
      ...(others.length === 0
        ? {}
        : { against: { ...copyFigures(others, volume), ratios: buildRatios(copies, others) } }),
      floors: Object.fromEntries(ofFloors) as Result['floors'],
    };
  } finally {
    await Promise.all([...new Set([source, plain])].map((site) => site.stop()));
  }
}

async function copyInto(target: Site, command: CopyCommand, source: Site): Promise<Usage> {
  let isOver = false;
  const copying = runCopy(command, source, target).finally(() => (isOver = true));
  const [usage] = await Promise.all([copying, target.meanwhile?.(() => isOver)]);
  return usage;
}

async function check(source: Site, target: Site, sample: number): Promise<void> {
  await compareSizes(source, target);
  // Where a server was copied into a cluster, a key is at any of its nodes.
  if (source.clients.length === target.clients.length) await compareSample(source, target, sample);
}

/** A file is as good as what a server has of it. */
async function checkFile(file: Site, source: Site, sample: number): Promise<void> {
  const [, frames] = file.words('to');
  await withSite(startSite({ delay: 0 }), async (target) => {
    await replay({ target, frames: frames! });
    await check(source, target, sample);
  });
}

/** So many lines as there are keys, and a sample of them has what their keys have. */
async function checkLines(file: Site, { clients: [source] }: Site, sample: number): Promise<void> {
  const [, path] = file.words('to');
  const size = (await source!.send('DBSIZE')) as number;
  let keys = 0;
  for await (const line of createInterface({ input: createReadStream(path!) })) {
    const isOfSample = keys++ % Math.ceil(size / Math.max(1, sample)) === 0;
    if (sample === 0 || !isOfSample) continue;
    const { key, value } = readLine(line);
    assert.deepEqual(value, decodePayload((await source!.send('DUMP', key)) as Buffer), String(key));
  }
  if (keys !== size) throw new Error(`Wrong copy: ${size} keys at the source, ${keys} lines`);
}

export async function withSite<T>(starting: Promise<Site>, use: (site: Site) => Promise<T>): Promise<T> {
  const site = await starting;
  try {
    return await use(site);
  } finally {
    await site.stop();
  }
}
