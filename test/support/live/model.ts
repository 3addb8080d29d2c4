// One run of a model test: writers at work, rump that follows them, faults meanwhile; then the writers stop, the cutover
// comes, and both sides are held against each other.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply, TestClient } from '../client.ts';
import { folderOf } from '../resp-file.ts';
import { processOf, spawnRump, startRump, type RumpResult, type RunningRump } from '../rump.ts';
import { assertSameSides, type SameSidesOptions } from './compare.ts';
import { Random, seedOf } from './random.ts';
import type { Habits } from './recipes.ts';
import type { Side } from './sides.ts';
import { commandsOf, NumberedWriter, RandomWriter, type Writer } from './writers.ts';

export type FeedName = 'psync' | 'tracking';

export const FEEDS: readonly FeedName[] = ['psync', 'tracking'];

/** Something that goes wrong, again and again, while rump follows. */
export interface Fault {
  /** Milliseconds before each time, at least and at most. */
  readonly pause: readonly [number, number];
  /** Default: as often as there is time. */
  readonly times?: number;
  /** Once; resolves when all is as it should be again. */
  strike(random: Random, run: Following): Promise<void>;
  /** What is missing, as long as nothing was felt of it: the writers go on for so long. @param stderr of rump so far */
  unfelt(stderr: string): string | undefined;
}

export interface ModelOptions extends Habits {
  readonly feed: FeedName;
  readonly source: Side;
  readonly target: Side;
  readonly endpoints: readonly string[];
  /** Several processes follow, each one part of the source by this plan. Default: one, that follows all of it. */
  readonly workers?: { readonly count: number; readonly plan: string };
  /** Further arguments of rump. */
  readonly args?: readonly string[];
  /** A seed that is a case of its own. */
  readonly seed?: number;
  /** Steps before rump begins. Default 3,000. */
  readonly before?: number;
  /** Steps a second while it runs. Default 1,500. */
  readonly rate?: number;
  /** Milliseconds from when rump is in sync to when the writers stop, which is when faults end. Default 1,000. */
  readonly following?: number;
  readonly faults?: readonly Fault[];
  /** Whether faults go on until rump has ended. Default: until the writers stop. */
  readonly lasts?: boolean;
  /** Databases that rump is to follow. Default all of the source. */
  readonly db?: string;
  readonly same?: SameSidesOptions;
  /** Further writers, which begin when rump follows, and stop with the others. */
  readonly writers?: readonly Writer[];
  /** The source loses writes that it has acknowledged. */
  readonly forgets?: boolean;
  /** With which rump ends. Default 0. */
  readonly code?: number;
}

export const PHASE = {
  copying: /^rump: following by /m,
  following: /^rump: all that was there is copied/m,
  inSync: /^rump: in sync/m,
  cutover: /^rump: cutting over/m,
  lingering: /^rump: all is on the target/m,
} as const;

/** For runs that give no other. */
const HASTE = { RUMP_LINGER: '300ms', RUMP_RETRY_MAX: '500ms' };
const NUMBERED_RATE = 100;
const RATE = 1500;
const BEFORE = 3000;
const FOLLOWING_MS = 1000;
const POLL_MS = 10;
/** Longer than chance may have a fault miss whom it is to meet. */
const FELT_MS = 15_000;
const IN_SYNC_MS = 90_000;
/** In which a server notices that a client has gone. */
const GONE_MS = 20_000;

/** @returns how rump ended, after all that is to be the same was found the same */
export async function runModel(t: TestContext, options: ModelOptions): Promise<RumpResult> {
  const seed = seedOf(t, options.seed);
  const { workers } = options;
  const run = workers === undefined ? new Following(t, options) : new Workers(t, options, workers);
  try {
    return await model(t, options, new Random(seed), run);
  } catch (error) {
    throw new Error(`Seed ${seed}: ${String(error)}\n${run.stderr}`, { cause: error });
  }
}

async function model(t: TestContext, options: ModelOptions, random: Random, run: Following): Promise<RumpResult> {
  const { source, target, faults = [], before = BEFORE, rate = RATE, following = FOLLOWING_MS } = options;
  const router = source.router();
  t.after(() => router.close());
  const { databases, isCluster } = source;
  const knows = await commandsOf(await source.primaries(0));
  const { floods = false, large = true } = options;
  const common = { random: random.branch(), databases, isCluster, knows, floods, large };
  const writer = new RandomWriter(router, { ...common, rate });
  const numbered = new NumberedWriter(router, NUMBERED_RATE);
  await writer.write(before);

  const writers: Writer[] = [writer, numbered];
  const end = new AbortController();
  // Whatever fails, nothing goes on behind it.
  t.after(() => {
    end.abort();
    return stopAll(writers);
  });
  for (const each of writers) each.start();
  // What writes is not to wait for what reads.
  run.startProcess();
  await run.reaches(PHASE.following);
  for (const each of options.writers ?? []) writers.push(each.start());
  const { signal } = end;
  const striking = Promise.all(faults.map((fault) => strikeOn(fault, random.branch(), run, signal)));
  striking.catch(() => {});
  await Promise.all([sleep(following), run.reaches(PHASE.inSync)]);
  if (options.lasts !== true) {
    await untilFelt(faults, run);
    end.abort();
    await striking;
  }
  await stopAll(writers);
  run.cutOver();
  const result = await run.done();
  end.abort();
  await striking;

  const { code = 0 } = options;
  assert.equal(result.code, code, `exit ${result.code}`);
  assert.equal(/Sync done/.test(result.stdout), code === 0);
  assert.ok(writer.outcomes.done > writer.outcomes.refused, JSON.stringify(writer.outcomes));
  assert.ok((await assertSameSides(source, target, options.same)) > 0);
  // What values are compared without changes nothing about keys.
  const areAllThere = Object.keys(options.same ?? {}).every((option) => option === 'without');
  if (!floods && options.forgets !== true && areAllThere) await assertNumbered(target, numbered);
  assert.deepEqual(unfeltOf(faults, result.stderr), []);
  for (const client of await source.primaries(0)) await assertNoTrace(client);
  return result;
}

/** The source is as it was: nobody is left there, and nothing was tried that the reader has no right to, such as a write. */
async function assertNoTrace(client: TestClient): Promise<void> {
  const ours = async (): Promise<string[]> => {
    const list = String(await client.send('CLIENT', 'LIST')).split('\n');
    return list.filter((line) => /\bname=rump|\buser=rump\b/.test(line));
  };
  for (const deadline = Date.now() + GONE_MS; (await ours()).length > 0 && Date.now() < deadline;) await sleep(POLL_MS);
  assert.deepEqual(await ours(), []);
  const refused = ((await client.send('ACL', 'LOG')) as Reply[][]).map((entry) => entry.map(String));
  assert.deepEqual(
    refused.filter((entry) => entry.includes('rump')),
    [],
  );
}

async function stopAll(writers: readonly Writer[]): Promise<void> {
  await Promise.all(writers.map((each) => each.stop()));
}

function unfeltOf(faults: readonly Fault[], stderr: string): string[] {
  return faults.flatMap((fault) => fault.unfelt(stderr) ?? []);
}

async function untilFelt(faults: readonly Fault[], run: Following): Promise<void> {
  for (const deadline = Date.now() + FELT_MS; unfeltOf(faults, run.stderr).length > 0; await sleep(POLL_MS))
    if (Date.now() > deadline) return;
}

async function strikeOn(fault: Fault, random: Random, run: Following, end: AbortSignal): Promise<void> {
  const [least, most] = fault.pause;
  for (let times = 0; !end.aborted && times < (fault.times ?? Infinity); times += 1) {
    await sleep(random.between(least, most), undefined, { signal: end }).catch(() => {});
    // What was to come once comes, however little time there was.
    if (end.aborted && times > 0) break;
    await fault.strike(random, run);
  }
}

/** Whatever the source holds by now: the target has each number that the source has acknowledged. */
async function assertNumbered(target: Side, { acknowledged }: NumberedWriter): Promise<void> {
  const clients = await target.primaries(0);
  const keys = acknowledged.map((number) => ['EXISTS', NumberedWriter.key(number)]);
  const replies = await Promise.all(clients.map((client) => client.pipeline(keys)));
  const lost = acknowledged.filter((_, index) => !replies.some((share) => share[index] === 1));
  assert.deepEqual(lost.slice(0, 10), [], `${lost.length} of ${acknowledged.length} numbers are lost`);
}

/** A rump that follows until it is told to cut over; it may be ended and begun again meanwhile. */
export class Following {
  #running: RunningRump | undefined;
  readonly #t: TestContext;
  readonly args: readonly string[];
  /** Which says that the writers have stopped. */
  readonly file: string;
  #stderr = '';

  constructor(
    t: TestContext,
    { endpoints, feed, db, source, args = [] }: Pick<ModelOptions, 'endpoints' | 'feed' | 'db' | 'source' | 'args'>,
    file = join(folderOf(t), 'cutover'),
  ) {
    this.file = file;
    const databases = db ?? source.databases.join(',');
    const scope = databases === '0' ? [] : ['--db', databases];
    const own = ['--live', '--feed', feed, '--cutover-file', this.file];
    this.args = [...endpoints, ...scope, ...own, ...args];
    this.#t = t;
  }

  start(): this {
    return this.#follow(startRump(this.args, { env: HASTE }));
  }

  /** One that can be killed. */
  startProcess(): this {
    return this.#follow(spawnRump(this.args, { env: HASTE }));
  }

  #follow(running: RunningRump): this {
    this.#t.after(() => running.end());
    this.#running = running;
    return this;
  }

  get running(): RunningRump {
    return this.#running!;
  }

  /** Of every process. */
  get stderr(): string {
    return this.#stderr + (this.#running?.stderr ?? '');
  }

  /** Rejects where rump ends before it says so. */
  async reaches(words: RegExp): Promise<void> {
    for (const deadline = Date.now() + IN_SYNC_MS; !words.test(this.running.stderr); await sleep(POLL_MS)) {
      const { exitCode } = this.running.child;
      if (exitCode !== null) throw new Error(`rump ended with ${exitCode} before it said ${words}`);
      if (Date.now() > deadline) throw new Error(`rump never said ${words}`);
    }
  }

  cutOver(): void {
    writeFileSync(this.file, '');
  }

  async done(): Promise<RumpResult> {
    const result = await this.running.done;
    return { ...result, stderr: this.#stderr + result.stderr };
  }

  /** Ends it at once, and begins the same command again. */
  async killAndBegin(): Promise<void> {
    processOf(this.running).kill('SIGKILL');
    const { stderr } = await this.running.done;
    this.startProcess();
    this.#stderr += stderr;
  }
}

/** Several of them, each of which follows a part; one after the other is ended and begun again. */
class Workers extends Following {
  readonly #others: readonly Following[];
  #turn = 0;

  constructor(t: TestContext, options: ModelOptions, { count, plan }: NonNullable<ModelOptions['workers']>) {
    const optionsOf = (part: number): ModelOptions => {
      const args = ['--plan', plan, '--partition', `${part}/${count}`];
      return { ...options, args: [...(options.args ?? []), ...args] };
    };
    super(t, optionsOf(1));
    this.#others = Array.from({ length: count - 1 }, (_, i) => new Following(t, optionsOf(i + 2), this.file));
  }

  override start(): this {
    for (const other of this.#others) other.start();
    return super.start();
  }

  override startProcess(): this {
    for (const other of this.#others) other.startProcess();
    return super.startProcess();
  }

  override get stderr(): string {
    return super.stderr + this.#others.map(({ stderr }) => stderr).join('');
  }

  override async reaches(words: RegExp): Promise<void> {
    await Promise.all([super.reaches(words), ...this.#others.map((other) => other.reaches(words))]);
  }

  /** As the one that ended worst. */
  override async done(): Promise<RumpResult> {
    const results = await Promise.all([super.done(), ...this.#others.map((other) => other.done())]);
    const worst = results.find(({ code }) => code !== 0) ?? results[0];
    return { ...worst, stderr: results.map(({ stderr }) => stderr).join('') };
  }

  override async killAndBegin(): Promise<void> {
    const other = this.#others[this.#turn++ % this.#others.length]!;
    await other.killAndBegin();
  }
}
