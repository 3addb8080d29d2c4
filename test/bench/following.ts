// What it takes to follow a source that is written: how far behind the target is, what rump and the source spend on it, and
// how much memory many changed keys take that cannot be written yet.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { compareSample, compareSizes } from './compare.ts';
import { runCopy, type CopyCommand, type Usage } from './copy-process.ts';
import { followingFigures, type Dirty, type Following, type FollowingFigures } from './following-figures.ts';
import { describeMachine, describeServer, type Machine } from './machine.ts';
import { withSite } from './measure.ts';
import type { BenchOptions } from './options.ts';
import { runProcess } from './run-process.ts';
import { startSite, type Site } from './site.ts';
import { cpuOfAll } from './time.ts';
import type { WriteKind } from './writes.ts';

export type FeedKind = 'psync' | 'tracking';

export interface FollowingResult extends Machine {
  /** ISO 8601. */
  readonly date: string;
  readonly bench: 'following';
  readonly feed: FeedKind;
  readonly scale: number;
  readonly runs: number;
  readonly server: string;
  readonly figures: FollowingFigures;
}

/** Writes a second: what has to be borne, and what the source's CPU time is told at. */
const [FULL_RATE, HALF_RATE] = [20_000, 10_000];
const SECONDS = 6;
const DIRTY_KEYS = 1_000_000;
/** Fast enough to be done soon, and slow enough for all of it to be on its way to rump. */
const DIRTY_RATE = 100_000;
const SAMPLE_KEYS = 1000;
const POLL_MS = 20;
const LONGEST_START_MS = 20_000;
/** Of /proc. */
const TICKS_PER_SECOND = 100;
const WRITER = fileURLToPath(new URL('./writer-main.js', import.meta.url));

/** Rejects where a copy fails, or is not a true one in the end. */
export async function measureFollowing(
  feed: FeedKind,
  { command, scale, runs, server }: BenchOptions,
  tell: (stage: string) => void,
): Promise<FollowingResult> {
  const place = { binary: server, delay: 0 };
  const seconds = Math.max(1, SECONDS * scale);
  const onSites = <T>(use: (source: Site, target: Site) => Promise<T>): Promise<T> =>
    withSite(startSite(place), (source) => withSite(startSite(place), (target) => use(source, target)));
  const followed = (rate: number): Promise<Following> =>
    onSites((source, target) => follow(commandFor(command, feed, target), source, target, rate, seconds));
  const [full, half, alone, dirty]: [Following[], Following[], number[], Dirty[]] = [[], [], [], []];
  let name = '';
  for (let run = 1; run <= runs; run += 1) {
    tell(`run ${run} of ${runs}`);
    full.push(await followed(FULL_RATE));
    half.push(await followed(HALF_RATE));
    await withSite(startSite(place), async (source) => {
      name = await describeServer(source.clients[0]!);
      const { sourceCpu } = await writeTo(source, 'mixed', HALF_RATE, HALF_RATE * seconds);
      alone.push(sourceCpu);
    });
    dirty.push(
      await onSites((source, target) =>
        fallBehind(commandFor(command, feed, target), source, target, Math.round(DIRTY_KEYS * scale)),
      ),
    );
  }
  return {
    date: new Date().toISOString(),
    bench: 'following',
    feed,
    scale,
    runs,
    server: name,
    ...describeMachine(),
    figures: followingFigures({ full, half, alone, dirty }),
  };
}

function commandFor([program, ...args]: CopyCommand, feed: FeedKind, target: Site): CopyCommand {
  const flags = ['--live', '--feed', feed, '--linger', '0s', '--cutover-file', cutoverFile(target)];
  return [program, ...args, ...flags];
}

function cutoverFile({ dir }: Site): string {
  return join(dir, 'cutover');
}

async function follow(
  command: CopyCommand,
  source: Site,
  target: Site,
  rate: number,
  seconds: number,
): Promise<Following> {
  const run = await FollowingRun.start(command, source, target);
  const before = run.cpu;
  const written = await writeTo(source, 'mixed', rate, rate * seconds);
  const { lags } = run;
  const cpu = run.cpu - before;
  const { peakRss } = await run.cutOver();
  return { ...written, lags, cpu, peakRss };
}

/** The target stands still until all is written. */
async function fallBehind(command: CopyCommand, source: Site, target: Site, keys: number): Promise<Dirty> {
  const run = await FollowingRun.start(command, source, target);
  target.process!.pause();
  const { writes } = await writeTo(source, 'distinct', DIRTY_RATE, keys);
  target.process!.resume();
  const start = performance.now();
  const { peakRss } = await run.cutOver();
  return { keys: writes, behind: run.mostBehind, peakRss, seconds: (performance.now() - start) / 1000 };
}

/** What a writer came to, and what its writes cost the source, with whoever follows it. */
async function writeTo(
  source: Site,
  kind: WriteKind,
  rate: number,
  writes: number,
): Promise<Pick<Following, 'writes' | 'rate' | 'sourceCpu'>> {
  const { port } = source.server!;
  const before = await cpuOfAll(source);
  let reached = 0;
  const args = [WRITER, String(port), kind, String(rate), String(writes)];
  await runProcess(process.execPath, args, { onLine: (line) => (reached = Number(line)) });
  return { writes, rate: reached, sourceCpu: (await cpuOfAll(source)) - before };
}

interface Told {
  readonly event: string;
  readonly phase?: string;
  readonly live?: { readonly behind: number; readonly lag: number | null };
}

/** A copy that follows its source until it is told that nobody writes there any more. */
class FollowingRun {
  readonly #source: Site;
  readonly #target: Site;
  readonly #ended: Promise<Usage>;
  readonly #lags: number[] = [];
  #mostBehind = 0;
  #pid = 0;
  #isInSync = false;

  private constructor(command: CopyCommand, source: Site, target: Site) {
    this.#source = source;
    this.#target = target;
    this.#ended = runCopy(command, source, target, {
      onStart: (pid) => (this.#pid = pid),
      onLine: (line) => this.#read(JSON.parse(line) as Told),
    });
    // It is waited for in the end.
    this.#ended.catch(() => {});
  }

  /** Resolves once the target has all that the source had. */
  static async start(command: CopyCommand, source: Site, target: Site): Promise<FollowingRun> {
    const run = new FollowingRun(command, source, target);
    const end = run.#ended.then(() => Promise.reject(new Error('The copy did not wait for the cutover')));
    for (const deadline = performance.now() + LONGEST_START_MS; !run.#isInSync;) {
      if (performance.now() > deadline) throw new Error('The copy was not in sync in time');
      await Promise.race([end, sleep(POLL_MS)]);
    }
    run.#lags.length = 0;
    return run;
  }

  /** Milliseconds, as they were told so far. */
  get lags(): readonly number[] {
    return [...this.#lags];
  }

  /** Changed keys that were told to be missing at the target, at most. */
  get mostBehind(): number {
    return this.#mostBehind;
  }

  /** Seconds of CPU time so far. */
  get cpu(): number {
    const fields = readFileSync(`/proc/${this.#pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  /** Rejects where the target has not all of it then. */
  async cutOver(): Promise<Usage> {
    writeFileSync(cutoverFile(this.#target), '');
    const usage = await this.#ended;
    await compareSizes(this.#source, this.#target);
    await compareSample(this.#source, this.#target, SAMPLE_KEYS);
    return usage;
  }

  #read({ event, phase, live }: Told): void {
    if (event === 'phase' && phase === 'in-sync') this.#isInSync = true;
    if (event !== 'progress' || live === undefined) return;
    this.#mostBehind = Math.max(this.#mostBehind, live.behind);
    if (live.lag !== null) this.#lags.push(live.lag);
  }
}
