// Follows a source that is written, from before the first key is read until the cutover: what changes is read again, what may
// have been missed is made good, and once the writers are said to have stopped nothing is left behind.
//
//     attach ──▶ copying ──▶ following ──▶ cutover ──▶ linger ──▶ detach

import { access } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../flow/failure.ts';
import { Wakeup } from '../flow/wakeup.ts';
import { Cutover, type CutoverOptions, type CutoverParts } from './cutover.ts';
import type { FeedBefore } from './left-feeds.ts';
import type { Gap, Gaps, MissedShare } from './gaps.ts';
import { Writers } from './writers.ts';

/** `in-sync`: all that was written up to a moment ago is on the target. */
export type Phase = 'attaching' | 'copying' | 'following' | 'in-sync' | 'cutover' | 'lingering';

export interface FollowingOptions extends CutoverOptions {
  /** Milliseconds: nothing was written for so long is the cutover. */
  readonly untilIdle: number | undefined;
  /** A file whose appearance is. */
  readonly cutoverFile: string | undefined;
  /** Milliseconds between two readings of streams, at least. */
  readonly settle: number;
  /** Aborted by whoever says that the writers have stopped. */
  readonly cutover: AbortSignal | undefined;
}

export interface FollowingParts extends CutoverParts {
  /** Once a second each: what the source holds may have grown, and the target may have lost something while nobody wrote. */
  readonly looks: readonly (() => Promise<void>)[];
  /** Resolves once streams are known that an earlier part of the copy has read. */
  readonly findStreams: () => Promise<void>;
  /** Every node of the target says something now, on another connection where one was lost. */
  readonly hearTarget: () => Promise<unknown>;
  /** Makes good what was missed: walks, and marks what the source has not any more. */
  readonly close: (gap: Gap) => Promise<void>;
}

export interface FollowingSink {
  onPhase(phase: Phase): void;
  /** Keys that were written after the cutover, as the feed named them: the first of them, and how many. */
  onStragglers(names: readonly Buffer[], count: number): void;
}

/** Milliseconds: so far behind is in sync. */
const IN_SYNC_MS = 1000;
/** Milliseconds until it is said that the source is waited for. */
const PATIENCE_MS = 1000;
/** Milliseconds between two measurements, and two looks for the file. */
const LOOK_MS = 200;
/** The same where nothing has changed in between: a source that is at rest is left alone. */
const REST_MS = 1000;
/** Milliseconds between two looks at what servers say of themselves. */
const SECOND_MS = 1000;
/** Reading streams again may take this share of the time. */
const STREAMS_SHARE = 1 / 20;

export class Following {
  readonly #parts: FollowingParts;
  readonly #options: FollowingOptions;
  readonly #sink: FollowingSink;
  readonly #failure = new Failure();
  readonly #moved = new Wakeup();
  readonly #writers: Writers;
  readonly #cutover: Cutover;
  #phase: Phase = 'attaching';
  #isWalked = false;
  #isAsked = false;
  #isOver = false;
  #lag = Infinity;
  /** Since when what the lead does is under way, where that tells how far behind the target is. */
  #timedSince: number | undefined;
  #isLost = false;
  #heardAt = -Infinity;
  #streamsDueAt = 0;
  #streamsFound: Promise<void> = Promise.resolve();

  constructor(parts: FollowingParts, options: FollowingOptions, sink: FollowingSink) {
    this.#parts = parts;
    this.#options = options;
    this.#sink = sink;
    this.#writers = new Writers(parts.feeds, parts.rounds);
    this.#cutover = new Cutover(parts, options, this.#writers, this);
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Nothing more is read. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether all that was there at the beginning is on the target. */
  get isWalked(): boolean {
    return this.#isWalked;
  }

  /** Keys that have changed and are not on the target yet. */
  get behind(): number {
    return this.#parts.rounds.behind;
  }

  /** Milliseconds that the target is behind, as measured last; Infinity before it was. */
  get lag(): number {
    const under = this.#timedSince === undefined ? 0 : performance.now() - this.#timedSince;
    return Math.max(this.#lag, under);
  }

  /**
   * From now on changes are told.
   * @param left where the feeds go on: where they were when an earlier part of the copy was broken off, or behind a snapshot
   * @throws RespError where the source does not let us
   */
  async attach(left?: readonly FeedBefore[]): Promise<void> {
    // Said only where it takes its time: a primary without replicas may wait for more of them.
    const timer = setTimeout(() => this.#sink.onPhase('attaching'), PATIENCE_MS);
    await this.#parts.feeds.attach(left).finally(() => clearTimeout(timer));
    this.#phase = 'copying';
  }

  /** The writers have stopped. */
  askForCutover(): void {
    this.#isAsked = true;
    this.#moved.wake();
  }

  /** All that was there at the beginning is on the target. */
  onWalked(): void {
    this.#isWalked = true;
    this.#moved.wake();
  }

  onChange(db: number | undefined, key: Buffer): void {
    this.#parts.rounds.change(db, key);
  }

  onMissed(share: MissedShare): void {
    const { rounds, gaps } = this.#parts;
    if (share.isWrite === true) rounds.changeWhole(share.databases);
    gaps.add(share);
  }

  fail(error: unknown): void {
    this.#isLost = true;
    this.#failure.fail(error);
    this.#leaveSync();
  }

  /** Returns when the cutover is done, and nothing more is to be read. Rejects where the source cannot be followed any more. */
  async run(): Promise<void> {
    const { rounds, feeds, gaps, close, looks } = this.#parts;
    const { cutover } = this.#options;
    const onCutover = (): void => this.askForCutover();
    if (cutover?.aborted === true) onCutover();
    cutover?.addEventListener('abort', onCutover, { once: true });
    this.#streamsFound = this.#parts.findStreams();
    const watching = [feeds.watch(), this.#watchFile(), ...looks.map((look) => this.#everySecond(look))];
    const besides = [this.#streamsFound, rounds.run(), this.#closeGaps(gaps, close), ...watching];
    for (const work of besides) work.catch((error: unknown) => this.fail(error));
    try {
      await Promise.race([this.#lead(), this.#failure.promise]);
    } finally {
      cutover?.removeEventListener('abort', onCutover);
      this.stop();
    }
  }

  stop(): void {
    this.#isOver = true;
    this.#parts.feeds.detach();
    this.#parts.rounds.end();
    this.#moved.wake();
  }

  async #lead(): Promise<void> {
    while (!this.#isWalked) await this.#moved.sleep();
    this.#enter('following');
    while (!this.#isAsked && !this.#isOver) await this.#measure();
    if (this.#isOver) return;
    await this.#cutOver();
  }

  /** How long it takes until a change of now is on the target. */
  async #measure(): Promise<void> {
    const { feeds, rounds, gaps, lookForDatabases } = this.#parts;
    const before = rounds.changes;
    const started = performance.now();
    const measuring = async (): Promise<void> => {
      await lookForDatabases();
      await gaps.closed();
      await feeds.caughtUp();
      await rounds.settled();
      this.#lag = performance.now() - started;
      await this.#hearTarget();
    };
    const isMeasured = await this.#timed(() => this.#unlessAsked(measuring));
    if (!isMeasured || this.#isAsked) return;
    // What a run that breaks off had measured last says nothing of now; nor does a pause, as long as nothing is written.
    const isHindered = gaps.isOpen || this.#isLost || this.#options.isPaused();
    this.#enter(this.#lag <= IN_SYNC_MS && !isHindered ? 'in-sync' : 'following');
    await this.#readStreams();
    const { untilIdle } = this.#options;
    const isIdle = async (): Promise<boolean> => (await this.#writers.idleFor()) >= untilIdle!;
    if (untilIdle !== undefined && (await this.#timed(isIdle))) this.#isAsked = true;
    const isAtRest = untilIdle === undefined && this.#phase === 'in-sync' && rounds.changes === before;
    await this.#unlessAsked(() => sleep(isAtRest ? REST_MS : LOOK_MS, undefined, { ref: false }));
  }

  /** Whoever has nothing to write would not notice that the target stands still. */
  async #hearTarget(): Promise<void> {
    const now = performance.now();
    if (now - this.#heardAt < REST_MS) return;
    await this.#parts.hearTarget();
    this.#heardAt = now;
  }

  /** What stands still, or is paused, does not come back to say so. */
  async #timed<T>(work: () => Promise<T>): Promise<T> {
    this.#timedSince = performance.now();
    const timer = setTimeout(() => this.#leaveSync(), IN_SYNC_MS).unref();
    try {
      return await work();
    } finally {
      clearTimeout(timer);
      this.#timedSince = undefined;
    }
  }

  /** Streams that may have changed without a sign: not all of the time is for them. */
  async #readStreams(): Promise<void> {
    const { streams, rounds } = this.#parts;
    if (performance.now() < this.#streamsDueAt) return;
    const started = performance.now();
    for (const some of streams.portions) {
      // What has changed meanwhile comes behind them.
      const isRead = await this.#timed(() => this.#unlessAsked(() => rounds.readAgain(some)));
      if (!isRead) return;
    }
    const took = performance.now() - started;
    this.#streamsDueAt = performance.now() + Math.max(this.#options.settle, took / STREAMS_SHARE);
  }

  async #cutOver(): Promise<void> {
    this.#enter('cutover');
    await this.#cutover.settle(this.#streamsFound);
    if (this.#options.linger === 0 || this.#isOver) return;
    this.#enter('lingering');
    const stragglers = await this.#cutover.linger();
    if (stragglers > 0) this.#sink.onStragglers(this.#writers.names, stragglers);
  }

  async #closeGaps(gaps: Gaps, close: FollowingParts['close']): Promise<void> {
    while (!this.#isWalked) await this.#moved.sleep();
    await gaps.closeAll(close);
  }

  async #everySecond(look: () => Promise<void>): Promise<void> {
    while (!this.#isOver) {
      await look();
      await sleep(SECOND_MS, undefined, { ref: false });
    }
  }

  /** A file that could not be looked for is none. */
  async #watchFile(): Promise<void> {
    const { cutoverFile } = this.#options;
    if (cutoverFile === undefined) return;
    while (!this.#isOver && !this.#isAsked) {
      const isThere = await access(cutoverFile).then(
        () => true,
        () => false,
      );
      if (isThere) this.askForCutover();
      else await sleep(LOOK_MS, undefined, { ref: false });
    }
  }

  /** Waits no longer than until the cutover is asked for. @returns whether it was done by then */
  async #unlessAsked(work: () => Promise<unknown>): Promise<boolean> {
    const done = new AbortController();
    const onDone = (): void => {
      done.abort();
      this.#moved.wake();
    };
    work().then(onDone, (error: unknown) => this.fail(error));
    while (!done.signal.aborted && !this.#isAsked && !this.#isOver) await this.#moved.sleep();
    return done.signal.aborted;
  }

  #leaveSync(): void {
    if (this.#phase === 'in-sync') this.#enter('following');
  }

  #enter(phase: Phase): void {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#sink.onPhase(phase);
  }
}
