// Keeps what a copy has done, so that the same command goes on from there: what was acknowledged, as of a moment by which all
// that had been found is done with. Who may have lost what it acknowledged gets it once more.

import { RespError } from '../../resp/errors.ts';
import { countOf } from '../../resp/figures.ts';
import { CheckpointFile } from '../checkpoint/checkpoint-file.ts';
import { CheckpointKeys } from '../checkpoint/checkpoint-keys.ts';
import {
  CHECKPOINT,
  CHECKPOINT_TAKEN,
  namesIn,
  type Checkpoint,
  type TargetIdentity,
} from '../checkpoint/checkpoint.ts';
import type { CheckpointStore } from '../checkpoint/store.ts';
import { WriterConnections } from '../checkpoint/writer-connections.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { KeyId } from '../flow/key-id.ts';
import type { KeyList } from '../flow/key-list.ts';
import type { Reconnect } from '../server/retry.ts';
import type { Server } from '../server/server.ts';
import type { SourceState } from '../source/walks.ts';
import type { WrittenProcess } from '../target/target-process.ts';
import { demandSame, followedAt, withFailed, withOpenGap, withOwnNames } from './kept-state.ts';
import type { LeftCopy } from './live-start.ts';
import { Moments, type Course, type Moment } from './moments.ts';
import type { MigrateResult } from './options.ts';
import { NOTHING_COUNTED } from './progress.ts';
import type { Run } from './preflight.ts';
import { AT_TARGET } from './settings.ts';
import { goingOn } from './sides.ts';
import { identitiesOf, identityOf, lossOf } from './target-identities.ts';
import type { Warning } from './warnings.ts';

/** Milliseconds between two looks at what can be kept. */
const LOOK_MS = 250;
/** Bytes a millisecond that it may take, as what is kept at each node of a target grows with the nodes. */
const BYTES_PER_MS = 256;
/** After these, what was acknowledged is not known to be there, or is not what the source held: the next run begins anew. */
const MAKES_VOID: ReadonlySet<string> = new Set(['TARGET_LOST', 'TARGET_REPLACED', 'EVICTED', 'SOURCE_SHRUNK']);

/** What there is when the copy begins. */
interface Found {
  readonly before: Checkpoint | undefined;
  readonly whyAnew: string | undefined;
  readonly targets: readonly TargetIdentity[];
  readonly connections: WriterConnections;
  /** Where those of the earlier part could not be ended. */
  readonly refusing: readonly string[];
}

/** What the check of a copy has found. */
export interface Verified {
  /** Whether nothing is left to be done. */
  readonly isEqual: boolean;
  /** Keys that the target does not have as the source has them. */
  readonly different: KeyList<undefined>;
}

export class Resume {
  /** With every database that was begun, also where the source has no keys in it any more. */
  readonly run: Run;
  readonly #store: CheckpointStore;
  /** What the earlier part has kept. */
  readonly #before: Checkpoint | undefined;
  readonly #targets: readonly TargetIdentity[];
  /** Why the earlier part is copied once more. */
  readonly #whyAnew: string | undefined;
  readonly #connections: WriterConnections;
  readonly #refusing: readonly string[];
  #course: Course | undefined;
  #moments: Moments | undefined;
  #last: Checkpoint | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isWriting = false;
  /** When the next moment may be kept. */
  #dueAt = 0;
  /** What tells of connections that have come since the last time. */
  #introduction: Promise<void> | undefined;
  #isOver = false;
  /** Whether what was to be kept last is. */
  #isKept = true;

  /** @throws RespError, where what is there cannot be gone on from: it stays as it is */
  static async open(given: Run): Promise<Resume | undefined> {
    const { sides, settings } = given;
    if (settings.resume === undefined || settings.dryRun) return undefined;
    const { source, target } = sides;
    if (source === undefined || target === undefined) throw isFile(source === undefined ? settings.from : settings.to);
    const connections = new WriterConnections();
    const store = await storeOf(given, target, connections);
    try {
      const before = await store.read();
      if (before !== undefined) demandSame(before, given, store);
      const run = before === undefined ? given : { ...given, plan: goingOn(given.plan, settings, before.databases) };
      const whyAnew = before && (await lossOf(before, target, settings.resume === AT_TARGET));
      const refusing = before ? await connections.endAll(before.connections ?? {}, target.servers) : [];
      for (const server of target.servers) connections.add(server);
      return new Resume(run, store, {
        before,
        whyAnew,
        // Only for these what is known of the target's own names holds.
        targets: settings.live === undefined ? [] : await identitiesOf(target),
        connections,
        refusing,
      });
    } catch (error) {
      store.close();
      throw error;
    }
  }

  private constructor(run: Run, store: CheckpointStore, found: Found) {
    const { before, whyAnew, targets, connections, refusing } = found;
    this.run = run;
    this.#store = store;
    this.#targets = targets;
    this.#before = before;
    this.#whyAnew = whyAnew;
    this.#connections = connections;
    this.#refusing = refusing;
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
    if (!this.isGoingOn) return {};
    const { source, followed } = this.#before!;
    // Where the source is followed, these are read as what has changed: see `left`.
    return { from: source, failed: followed === undefined ? this.#failed : [] };
  }

  /** Where following was left; `undefined` where no earlier part was begun. */
  get left(): LeftCopy | undefined {
    const before = this.#before?.followed;
    if (before === undefined) return undefined;
    const isSame = this.#whyAnew === undefined && this.#before!.targets.length > 0;
    return {
      feeds: this.isGoingOn ? before.feeds : undefined,
      isGapOpen: before.isGapOpen,
      isTargetOurs: before.isTargetOurs && isSame,
      databases: this.#before!.databases,
      failed: this.#failed,
    };
  }

  get #failed(): readonly KeyId[] {
    return this.isGoingOn ? namesIn(this.#before!.failed) : [];
  }

  /** What the operator should know of it. */
  get notices(): readonly Warning[] {
    const before = this.#before;
    if (before === undefined) return [];
    const late = this.#refusing.map(lateWrites);
    const { name } = this.#store;
    if (this.#whyAnew !== undefined)
      return [{ code: 'RESUMED_ANEW', message: `${this.#whyAnew}: all of it is copied once more` }, ...late];
    if (!this.isGoingOn) {
      const why = this.#store.whyVoid;
      const nothing = `${name} has nothing that still counts${why === undefined ? '' : `, as ${why}`}`;
      return [{ code: 'RESUMED_ANEW', message: `${nothing}: the copy begins anew` }, ...late];
    }
    const message = `the copy goes on from ${name}: ${countOf(before.figures.keys, 'key')} are done`;
    return [{ code: 'RESUMED', message }, ...late];
  }

  /** A connection on which the target will be written: the next part has to know of it before. */
  readonly introduce = async (server: Server): Promise<void> => {
    if (!this.#connections.add(server) || this.#last === undefined || this.#isOver) return;
    // One for all that come before it begins.
    this.#introduction ??= this.#next(() => {
      this.#introduction = undefined;
      return this.#write(this.#last!);
    });
    await this.#introduction;
  };

  /** From now on what is done is kept. @throws RespError, where it cannot be */
  async begin(course: Course): Promise<void> {
    const { progress, live } = course;
    const { databases } = this.#common;
    const before = this.isGoingOn ? withOwnNames(this.#before!, live) : undefined;
    const first = before === undefined ? this.#nothingDone(course) : live ? { ...before, databases } : before;
    if (this.isGoingOn) progress.goOn(first.figures, first.failed.more);
    await this.#store.write({ ...first, connections: this.#connections.state });
    this.#last = first;
    this.#course = course;
    this.#moments = new Moments(course, this.isGoingOn ? first : undefined);
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** All of it is on the target, but for keys that have failed or are in doubt. Whoever goes on finds what has changed since. */
  async keepLast({ doubtful = 0 }: MigrateResult): Promise<void> {
    await this.#rest();
    this.#dueAt = 0;
    this.#look();
    await this.#writing;
    // Whoever goes on finds them once more; and reads by name what has failed since the last moment.
    const last = { ...this.#last!, failed: this.#course!.progress.allFailed };
    await this.#write(doubtful > 0 ? withOpenGap(last) : last);
  }

  /**
   * There is nothing to go on from any more, unless keys have failed, are in doubt, or are not the same on both sides.
   * @param verified what the check has found, where there was one
   */
  async finish({ failed, stragglers = 0, doubtful = 0 }: MigrateResult, verified: Verified | undefined): Promise<void> {
    const isEqual = verified?.isEqual ?? true;
    if (isEqual && failed + stragglers + doubtful === 0) return this.#store.remove();
    const { different } = verified ?? {};
    if (different !== undefined && different.length > 0) await this.#write(withFailed(this.#last!, different));
    this.#tellHow();
  }

  /** The copy has ended before its time, or its check has. */
  async leave(error: unknown): Promise<void> {
    // What is kept there is another run's.
    if (error instanceof RespError && error.code === CHECKPOINT_TAKEN) return;
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
    // Why it is not, was told.
    if (!this.#isKept) return;
    const message = `the same command goes on from here: what was done is kept in ${this.#store.name}`;
    this.#course?.progress.warn('RESUMABLE', message);
  }

  async #rest(): Promise<void> {
    clearInterval(this.#timer);
    this.#isOver = true;
    await this.#writing;
  }

  /** What is kept is written one after the other. */
  #next(write: () => Promise<void>): Promise<void> {
    this.#writing = this.#writing.then(write);
    // It ends the run.
    this.#writing.catch(() => {});
    return this.#writing;
  }

  /** Keeps the last moment of which all is done with that had been found by then. */
  #look(): void {
    const { target, live } = this.#course!;
    const moments = this.#moments!;
    moments.remember();
    const processes = target.processes.filter((process) => process !== undefined);
    if (this.#isWriting || processes.length < target.processes.length) return;
    const moment = performance.now() < this.#dueAt ? undefined : moments.takePassed();
    const isGapNew = live?.isGapOpen === true && this.#last?.followed?.isGapOpen === false;
    const isDatabaseNew = this.#common.databases.length > this.#last!.databases.length;
    if (moment === undefined && !isGapNew && !isDatabaseNew) return;
    this.#isWriting = true;
    void this.#next(() => this.#keep(moment, processes).finally(() => (this.#isWriting = false)));
  }

  /** @param moment `undefined`: what was kept last holds, but for what was missed since */
  async #keep(moment: Moment | undefined, processes: readonly WrittenProcess[]): Promise<void> {
    const last = this.#last!;
    const { databases } = this.#common;
    const kept = moment === undefined ? withOpenGap(withOwnNames(last, this.#course!.live)) : this.#stateAt(moment);
    // Before anything is written nobody has acknowledged more than was kept.
    const targets = processes.length === 0 ? last.targets : await Promise.all(processes.map(identityOf));
    await this.#write({ ...kept, databases, targets });
  }

  #stateAt({ place, counts, followed }: Moment): Omit<Checkpoint, 'targets'> {
    const { progress, live } = this.#course!;
    return {
      ...this.#common,
      source: place.state,
      figures: progress.figuresWith(counts),
      failed: progress.failedUpTo(place.page, counts.moreFailed),
      followed: live && followedAt(followed, live),
    };
  }

  /** As it is before anything is written. */
  #nothingDone({ progress, live }: Course): Checkpoint {
    const followed = live && { feeds: [], isGapOpen: false, isTargetOurs: live.ownNames.isEmpty };
    const figures = progress.figuresWith(NOTHING_COUNTED);
    const [targets, failed] = [this.#targets, { names: [], more: 0 }];
    return { ...this.#common, source: [], targets, figures, failed, followed };
  }

  get #common(): Pick<Checkpoint, 'copy' | 'databases' | 'met'> {
    const { settings, plan, apart } = this.run;
    // Others may have got their first keys since.
    const live = this.#course?.live;
    const databases = live?.databases.map((db) => [db, plan.targetDbOf(db)] as const) ?? plan.databases;
    return { copy: settings.identity, databases, met: apart?.met };
  }

  /**
   * What cannot be kept now, may be later; the copy itself does not need it.
   * @throws RespError where another run has gone on from it
   */
  async #write(checkpoint: Checkpoint): Promise<void> {
    try {
      const bytes = await this.#store.write({ ...checkpoint, connections: this.#connections.state });
      this.#dueAt = performance.now() + bytes / BYTES_PER_MS;
      this.#last = checkpoint;
      this.#isKept = true;
    } catch (error) {
      const { end, settings } = this.run;
      // Whoever has ended the run says why, and what is kept stays as it is.
      if ([end.signal, settings.signal].some((signal) => signal?.aborted === true && signal.reason === error)) return;
      if (!(error instanceof RespError) || error.code === CHECKPOINT_TAKEN) {
        end.abort(error);
        throw error;
      }
      if (error.retryable || !this.#isKept) return;
      this.#isKept = false;
      const message = `what is done from here on is not kept: ${error.message}`;
      this.#course?.progress.warn('CHECKPOINT', message);
    }
  }
}

async function storeOf(
  { settings, plan }: Run,
  target: Deployment,
  connections: WriterConnections,
): Promise<CheckpointStore> {
  const { resume, retry, to, partition, onEvent } = settings;
  if (resume !== AT_TARGET) return CheckpointFile.open(resume!);
  const databases = plan.databases.map(([, db]) => db);
  // What this one writes says so by itself.
  const introduce = async (server: Server): Promise<void> => void connections.add(server);
  const onReconnect = (event: Reconnect): void => onEvent({ type: 'reconnect', ...event });
  return new CheckpointKeys(target, databases, to.shown, partition?.part, { retry, onReconnect, introduce });
}

function lateWrites(address: string): Warning {
  const what = `what the earlier part had sent to ${address} may still come, as through a tunnel, and behind what is newer`;
  return {
    code: 'LATE_WRITES',
    message: `${what}: its connections could not be ended (CLIENT KILL); --verify finds it`,
  };
}

function isFile({ shown }: Run['settings']['from']): RespError {
  const message = `Cannot keep progress: ${shown} is a file, which is read or written in one go`;
  return new RespError(CHECKPOINT, message, { hint: 'leave --resume out' });
}
