// Keeps what a copy has done, so that the same command goes on from there: what was acknowledged, as of a moment by which all
// that had been found is done with. Who may have lost what it acknowledged gets it once more.

import { nameOf, RespError } from '../../resp/errors.ts';
import { countOf } from '../../resp/figures.ts';
import { CheckpointFile } from '../checkpoint/checkpoint-file.ts';
import { CheckpointKeys } from '../checkpoint/checkpoint-keys.ts';
import {
  CHECKPOINT,
  demandSameCopy,
  FailedKeys,
  namesIn,
  type Checkpoint,
  type CheckpointFigures,
  type TargetIdentity,
} from '../checkpoint/checkpoint.ts';
import type { CheckpointStore } from '../checkpoint/store.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { KeyId } from '../flow/key-id.ts';
import { askFlushes, flushesBetween } from '../server/info.ts';
import type { RedisSource, SourcePlace } from '../source/redis-source.ts';
import type { SourceState } from '../source/walks.ts';
import type { RedisTarget } from '../target/redis-target.ts';
import type { WrittenProcess } from '../target/target-process.ts';
import type { Run } from './preflight.ts';
import type { Progress } from './progress.ts';
import { AT_TARGET } from './settings.ts';
import type { Warning } from './warnings.ts';

/** Milliseconds between two looks at what can be kept: so it is kept once a second at least, where all goes its way. */
const LOOK_MS = 250;
/** Milliseconds between two moments that may be kept. They are close, as reading runs ahead of writing in leaps. */
const MOMENT_MS = 1;
/** Moments that are remembered at once. */
const MOST_MOMENTS = 64;
/** After these, what was acknowledged is not known to be there, or is not what the source held: the next run begins anew. */
const MAKES_VOID: ReadonlySet<string> = new Set(['TARGET_LOST', 'TARGET_REPLACED', 'EVICTED', 'SOURCE_SHRUNK']);

/** The sides of a copy that is under way. */
interface Course {
  readonly source: RedisSource;
  readonly target: RedisTarget;
  readonly progress: Progress;
}

/** A moment, and what had been counted by then. */
interface Moment {
  readonly place: SourcePlace;
  readonly figures: CheckpointFigures;
}

export class Resume {
  readonly #run: Run;
  readonly #store: CheckpointStore;
  /** What the earlier part has kept. */
  readonly #before: Checkpoint | undefined;
  readonly #failedKeys: FailedKeys;
  /** Why the earlier part is copied once more. */
  readonly #whyAnew: string | undefined;
  #course: Course | undefined;
  /** In their order. */
  #moments: Moment[] = [];
  #lastPage = -1;
  #last: Checkpoint | undefined;
  #timer: NodeJS.Timeout | undefined;
  #rememberedAt = 0;
  #writing: Promise<void> = Promise.resolve();
  #isWriting = false;
  #hasWarned = false;

  /** @throws RespError, where what is there cannot be gone on from: it stays as it is */
  static async open(run: Run): Promise<Resume | undefined> {
    const { sides, settings } = run;
    if (settings.resume === undefined || settings.dryRun) return undefined;
    const { source, target } = sides;
    if (source === undefined || target === undefined) throw isFile(source === undefined ? settings.from : settings.to);
    const store = await storeOf(run, target);
    try {
      const before = await store.read();
      if (before !== undefined) demandSame(before, run, store.name);
      return new Resume(run, store, before, before && (await lossOf(before, target, settings.resume === AT_TARGET)));
    } catch (error) {
      store.close();
      throw error;
    }
  }

  private constructor(run: Run, store: CheckpointStore, before: Checkpoint | undefined, whyAnew: string | undefined) {
    this.#run = run;
    this.#store = store;
    this.#before = before;
    this.#whyAnew = whyAnew;
    this.#failedKeys = new FailedKeys(this.isGoingOn ? before?.failed.more : 0);
  }

  /** Whether an earlier part was begun, whatever is left of it. */
  get isResumed(): boolean {
    return this.#before !== undefined;
  }

  /** Whether anything of it counts. */
  get isGoingOn(): boolean {
    return this.#before !== undefined && this.#whyAnew === undefined && this.#before.source.length > 0;
  }

  /** Where the source is to be read from, and what could not be copied. */
  get from(): { readonly from?: SourceState; readonly failed?: readonly KeyId[] } {
    return this.isGoingOn ? { from: this.#before!.source, failed: namesIn(this.#before!.failed) } : {};
  }

  /** What the operator should know of it. */
  get notices(): readonly Warning[] {
    const before = this.#before;
    if (before === undefined) return [];
    const { name } = this.#store;
    if (this.#whyAnew !== undefined)
      return [{ code: 'RESUMED_ANEW', message: `${this.#whyAnew}: all of it is copied once more` }];
    if (!this.isGoingOn)
      return [{ code: 'RESUMED_ANEW', message: `${name} has nothing that still counts: the copy begins anew` }];
    return [
      { code: 'RESUMED', message: `the copy goes on from ${name}: ${countOf(before.figures.keys, 'key')} are done` },
    ];
  }

  /** From now on what is done is kept. @throws RespError, where it cannot be */
  async begin(course: Course): Promise<void> {
    const { progress } = course;
    progress.keep(this.#failedKeys, this.isGoingOn ? this.#before!.figures : undefined);
    const nothing = { source: [], targets: [], figures: progress.kept, failed: { names: [], more: 0 } };
    const { identity: copy } = this.#run.settings;
    const { databases } = this.#run.plan;
    const first = this.isGoingOn ? this.#before! : { copy, databases, ...nothing };
    await this.#store.write(first);
    this.#last = first;
    this.#course = course;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    course.source.onPage(() => {
      if (performance.now() - this.#rememberedAt >= MOMENT_MS) this.#remember();
    });
  }

  /** All of it is on the target; there is nothing to go on from any more, unless keys have failed. */
  async finish(failed: number): Promise<void> {
    await this.#rest();
    if (failed === 0) return this.#store.remove();
    this.#look();
    await this.#writing;
    this.#tellHow();
  }

  /** The copy has ended before its time. */
  async leave(error: unknown): Promise<void> {
    await this.#rest();
    if (this.#last === undefined) return;
    if (error instanceof RespError && MAKES_VOID.has(error.code)) {
      await this.#write({ ...this.#last, source: [], targets: [] });
    } else this.#tellHow();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#store.close();
  }

  #tellHow(): void {
    const message = `the same command goes on from here: what was done is kept in ${this.#store.name}`;
    this.#course?.progress.warn('RESUMABLE', message);
  }

  async #rest(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
  }

  /** Keeps the last moment of which all is done with that had been found by then. */
  #look(): void {
    const { source, target, progress } = this.#course!;
    this.#remember();
    const processes = target.processes.filter((process) => process !== undefined);
    const passed = this.#moments.findLastIndex(({ place }) => source.hasPassed(place));
    if (passed === -1 || this.#isWriting || processes.length < target.processes.length) return;
    const [moment] = this.#moments.splice(0, passed + 1).slice(-1) as [Moment];
    this.#isWriting = true;
    this.#writing = this.#keep(moment, processes, progress.kept).finally(() => (this.#isWriting = false));
  }

  /** Moments are few, however long it takes until all is done with that was under way. */
  #remember(): void {
    const { source, progress } = this.#course!;
    const { page, epoch } = source.mark;
    const last = this.#moments.at(-1)?.place;
    // Of what was found before something was lost, nothing will be done with.
    if (last !== undefined && last.epoch !== epoch) this.#moments = [];
    else if (page === this.#lastPage) return;
    this.#lastPage = page;
    this.#rememberedAt = performance.now();
    this.#moments.push({ place: source.place, figures: progress.kept });
    if (this.#moments.length > MOST_MOMENTS) this.#moments = this.#moments.filter((_, i) => i % 2 === 0);
  }

  async #keep({ place, figures }: Moment, processes: readonly WrittenProcess[], now: CheckpointFigures): Promise<void> {
    const failed = this.#failedKeys.state;
    const { settings, plan } = this.#run;
    const targets = await Promise.all(processes.map(identityOf));
    await this.#write({
      copy: settings.identity,
      databases: plan.databases,
      source: place.state,
      targets,
      figures: figuresAt({ place, figures }, now),
      failed,
    });
  }

  /** What cannot be kept now, may be later; the copy itself does not need it. */
  async #write(checkpoint: Checkpoint): Promise<void> {
    try {
      await this.#store.write(checkpoint);
      this.#last = checkpoint;
    } catch (error) {
      if (!(error instanceof RespError)) throw error;
      if (error.retryable || this.#hasWarned) return;
      this.#hasWarned = true;
      const message = `what is done from here on is not kept: ${error.message}`;
      this.#course?.progress.warn('CHECKPOINT', message);
    }
  }
}

async function storeOf({ settings, plan }: Run, target: Deployment): Promise<CheckpointStore> {
  const { resume, retry, to } = settings;
  if (resume !== AT_TARGET) return CheckpointFile.open(resume!);
  const db = Math.min(...plan.databases.map(([, db]) => db));
  return new CheckpointKeys(target, db, to.shown, { retry, onReconnect: () => {} });
}

/** The same options, and each database that was begun goes where it went. */
function demandSame(before: Checkpoint, { settings, plan }: Run, where: string): void {
  demandSameCopy(before.copy, settings.identity, where);
  const begun = new Set(before.source.map(({ db }) => db));
  const moved = before.databases.find(([db, target]) => begun.has(db) && plan.targetDbOf(db) !== target);
  if (moved === undefined) return;
  const [db, target] = moved;
  const message = `Cannot go on from ${where}: database ${db} went to ${target}, and would go to ${plan.targetDbOf(db)} now`;
  throw new RespError(CHECKPOINT, message, { hint: 'say with --db-map where each goes' });
}

/**
 * Why the target may have lost what it acknowledged, if it may.
 * @param isInside whether the checkpoint was at the target: then a node that came back with older data has an older one
 */
async function lossOf({ targets }: Checkpoint, target: Deployment, isInside: boolean): Promise<string | undefined> {
  for (const before of targets) {
    const server = target.servers[target.topology.nodes.findIndex(({ id }) => id === before.id)];
    const where = `the target ${before.address}`;
    if (server === undefined) {
      if (isInside) continue;
      return `${where} is no primary any more`;
    }
    const { connection, info } = server;
    const isSame = before.runId !== '' && info.runId === before.runId;
    if (isSame ? info.evictedKeys > before.evictedKeys : isInside && info.evictedKeys > 0)
      return `${where} has evicted keys since the copy began`;
    if (!isSame && isInside) continue;
    if (!isSame) return `${where} was replaced or restarted, or does not say that it was not`;
    const flushes = flushesBetween(before.flushes ?? undefined, await askFlushes(connection));
    if (flushes === undefined) return `${where} does not say whether it was flushed`;
    if (flushes.ofOne + flushes.ofMore > 0) return `${where} was flushed, or databases of it were swapped`;
  }
  return undefined;
}

async function identityOf({ id, peer, info, flushes }: WrittenProcess): Promise<TargetIdentity> {
  const { runId, evictedKeys } = info;
  return { id, address: nameOf(peer), runId, evictedKeys, flushes: (await flushes) ?? null };
}

/**
 * The figures of what had been found by then, now that all of it is done with: what was under way has its share of what was
 * counted meanwhile. Keys that were found later are read again by whoever goes on.
 */
function figuresAt({ place: { openKeys }, figures: then }: Moment, now: CheckpointFigures): CheckpointFigures {
  const counted = settledIn(now) - settledIn(then);
  const share = counted === 0 ? 0 : Math.min(1, openKeys / counted);
  const at = (name: keyof CheckpointFigures): number => then[name] + Math.round((now[name] - then[name]) * share);
  return {
    keys: at('keys'),
    bytes: at('bytes'),
    converted: at('converted'),
    skipped: at('skipped'),
    expired: at('expired'),
    repeated: at('repeated'),
    reconnects: now.reconnects,
    elapsed: now.elapsed,
  };
}

function settledIn({ keys, skipped, expired, repeated }: CheckpointFigures): number {
  return keys + skipped + expired + repeated;
}

function isFile({ shown }: Run['settings']['from']): RespError {
  const message = `Cannot keep progress: ${shown} is a file, which is read or written in one go`;
  return new RespError(CHECKPOINT, message, { hint: 'leave --resume out' });
}
