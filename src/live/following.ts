// Follows a source that is written, from before the first key is read until the cutover: what changes is read again, what may
// have been missed is made good, and once the writers are said to have stopped nothing is left behind.
//
//     attach ──▶ copying ──▶ following ──▶ cutover: caught up · settled · streams · unanswered · WAIT ──▶ linger ──▶ detach

import { access } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { RespError } from '../../resp/errors.ts';
import { countOf } from '../../resp/figures.ts';
import { Failure } from '../flow/failure.ts';
import type { KeyId } from '../flow/key-id.ts';
import { Wakeup } from '../flow/wakeup.ts';
import type { Feeds } from './feeds.ts';
import type { LeftFeed } from './left-feeds.ts';
import type { Gap, Gaps, MissedShare } from './gaps.ts';
import type { Rounds } from './rounds.ts';
import type { Streams } from './streams.ts';
import { Writers } from './writers.ts';

/** `in-sync`: all that was written up to a moment ago is on the target. */
export type Phase = 'attaching' | 'copying' | 'following' | 'in-sync' | 'cutover' | 'lingering';

export interface FollowingOptions {
  /** Milliseconds: nothing was written for so long is the cutover. */
  readonly untilIdle: number | undefined;
  /** A file whose appearance is. */
  readonly cutoverFile: string | undefined;
  /** Milliseconds for all that is to be done from there on, but for the linger. */
  readonly cutoverTimeout: number;
  /** Milliseconds for which whoever still writes afterwards is looked for. */
  readonly linger: number;
  /** Milliseconds between two readings of streams, at least. */
  readonly settle: number;
  /** Aborted by whoever says that the writers have stopped. */
  readonly cutover: AbortSignal | undefined;
}

export interface FollowingParts {
  readonly feeds: Feeds;
  readonly rounds: Rounds;
  readonly gaps: Gaps;
  readonly streams: Streams;
  /** Looks for databases that have come, each of which is a gap; false where not every server would say. */
  readonly lookForDatabases: () => Promise<boolean>;
  /** Once a second each: what the source holds may have grown, and the target may have lost something while nobody wrote. */
  readonly looks: readonly (() => Promise<void>)[];
  /** Resolves once streams are known that an earlier part of the copy has read. */
  readonly findStreams: () => Promise<void>;
  /** Makes good what was missed: walks, and marks what the source has not any more. */
  readonly close: (gap: Gap) => Promise<void>;
  /** Keys of which it is not certain that the target has them as they were read last. */
  readonly unanswered: () => readonly KeyId[];
  /** Keys that could not be read or written, so many at once. */
  readonly failed: () => Iterable<readonly KeyId[]>;
  /** Every node of the target answers: what one of them may have lost until then is a gap by now. @throws RespError */
  readonly reachTarget: () => Promise<void>;
  /** The last word of the target, once all is settled. @throws RespError */
  readonly confirm: (timeoutMs: number) => Promise<void>;
}

export interface FollowingSink {
  onPhase(phase: Phase): void;
  /** Keys that were written after the cutover, as the feed named them: the first of them, and how many. */
  onStragglers(names: readonly Buffer[], count: number): void;
}

/** Then all keys are read once more before the end. */
const MANY_STREAMS = {
  reason: 'there are more streams than names are kept',
  databases: undefined,
  slots: undefined,
  isFlush: false,
};
/** Milliseconds: so far behind is in sync. */
const IN_SYNC_MS = 1000;
/** Milliseconds until it is said that the source is waited for. */
const PATIENCE_MS = 1000;
/** Milliseconds between two measurements, and two looks for the file. */
const LOOK_MS = 200;
/** Milliseconds between two looks at what servers say of themselves. */
const SECOND_MS = 1000;
/** Reading streams again may take this share of the time. */
const STREAMS_SHARE = 1 / 20;
/** Of the time that is left for the cutover: for so long keys that have failed are tried once more, each as many times as those before. */
const FAILED_SHARE = 0.25;
/** Nobody waits for the time of a large value any more. */
const HURRIED = { isHurried: true };
/** Of the time that is left for the cutover: what replicas say has to come before it is over. */
const CONFIRM_SHARE = 0.5;

export class Following {
  readonly #parts: FollowingParts;
  readonly #options: FollowingOptions;
  readonly #sink: FollowingSink;
  readonly #failure = new Failure();
  readonly #moved = new Wakeup();
  readonly #writers: Writers;
  #phase: Phase = 'attaching';
  #isWalked = false;
  #isAsked = false;
  #isOver = false;
  #lag = Infinity;
  /** Since when a measurement is under way. */
  #measuredSince: number | undefined;
  #streamsDueAt = 0;
  #streamsFound: Promise<void> = Promise.resolve();

  constructor(parts: FollowingParts, options: FollowingOptions, sink: FollowingSink) {
    this.#parts = parts;
    this.#options = options;
    this.#sink = sink;
    this.#writers = new Writers(parts.feeds, parts.rounds);
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
    const under = this.#measuredSince === undefined ? 0 : performance.now() - this.#measuredSince;
    return Math.max(this.#lag, under);
  }

  /**
   * From now on changes are told.
   * @param left where the feeds were when an earlier part of the copy was broken off
   * @throws RespError where the source does not let us
   */
  async attach(left?: readonly LeftFeed[]): Promise<void> {
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
    if (this.#parts.rounds.change(db, key)) this.#writers.see(key);
  }

  onMissed(share: MissedShare): void {
    const { rounds, gaps } = this.#parts;
    if (share.isWrite === true) rounds.changeWhole(share.databases);
    gaps.add(share);
  }

  fail(error: unknown): void {
    this.#failure.fail(error);
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
    for (const work of besides) work.catch((error: unknown) => this.#failure.fail(error));
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
    if (!this.#isOver) await this.#lingers();
  }

  /** How long it takes until a change of now is on the target. */
  async #measure(): Promise<void> {
    const { feeds, rounds, gaps, lookForDatabases } = this.#parts;
    this.#measuredSince = performance.now();
    let changes = 0;
    await this.#unlessAsked(async () => {
      await lookForDatabases();
      await gaps.closed();
      await feeds.caughtUp();
      changes = rounds.changes;
      await rounds.settled();
      this.#lag = performance.now() - this.#measuredSince!;
    });
    this.#measuredSince = undefined;
    if (this.#isAsked) return;
    this.#enter(this.#lag <= IN_SYNC_MS && !gaps.isOpen ? 'in-sync' : 'following');
    await this.#readStreams();
    const { untilIdle } = this.#options;
    if (untilIdle !== undefined && (await this.#writers.idleFor(changes)) >= untilIdle) this.#isAsked = true;
    await this.#unlessAsked(() => sleep(LOOK_MS, undefined, { ref: false }));
  }

  /** Streams that may have changed without a sign: not all of the time is for them. */
  async #readStreams(): Promise<void> {
    const { streams, rounds } = this.#parts;
    if (performance.now() < this.#streamsDueAt) return;
    const started = performance.now();
    await this.#unlessAsked(async () => {
      for (const some of streams.portions) {
        if (this.#isAsked || this.#isOver) return;
        await rounds.readAgain(some);
      }
    });
    const took = performance.now() - started;
    this.#streamsDueAt = performance.now() + Math.max(this.#options.settle, took / STREAMS_SHARE);
  }

  async #cutOver(): Promise<void> {
    this.#enter('cutover');
    this.#parts.feeds.tellWritesApart();
    await this.#inTime((leftMs) => this.#settle(leftMs));
  }

  /** @throws RespError where it takes longer than a cutover may */
  async #inTime(work: (leftMs: () => number) => Promise<void>): Promise<void> {
    const { cutoverTimeout } = this.#options;
    const deadline = performance.now() + cutoverTimeout;
    const timer = new AbortController();
    const tooLate = sleep(cutoverTimeout, undefined, { signal: timer.signal }).then(
      () => Promise.reject(this.#notConverged()),
      () => new Promise<never>(() => {}),
    );
    try {
      await Promise.race([work(() => deadline - performance.now()), tooLate]);
    } finally {
      timer.abort();
    }
  }

  /** All that the source had acknowledged by now is on the target when it returns. */
  async #settle(leftMs: () => number): Promise<void> {
    const { feeds, rounds, gaps, streams, failed, confirm, lookForDatabases } = this.#parts;
    await this.#streamsFound;
    if (!streams.isComplete) gaps.add(MANY_STREAMS);
    await gaps.closed();
    await feeds.caughtUp({ looks: true });
    // A server that is being reached anew says nothing for a while.
    while (!this.#isOver && !(await lookForDatabases())) await feeds.caughtUp();
    await this.#settleAll();
    for (const some of streams.portions) await rounds.readAgain(some, HURRIED);
    // What was wrong with a key may have passed.
    const least = leftMs() * (1 - FAILED_SHARE);
    for (const some of failed()) if (leftMs() > least) await rounds.readAgain(some, HURRIED);
    rounds.markNowhere();
    do {
      await this.#settleAll();
      await confirm(Math.max(1, Math.floor(leftMs() * CONFIRM_SHARE)));
    } while (gaps.isOpen && !this.#isOver);
  }

  /** Until nothing is missed, nor lost by the target, and what is marked by then is there. */
  async #settleAll(): Promise<void> {
    const { rounds, gaps, unanswered, reachTarget } = this.#parts;
    while (!this.#isOver) {
      await gaps.closed();
      await rounds.settled(HURRIED);
      await reachTarget();
      const keys = unanswered();
      for (const { db, key } of keys) rounds.mark(db, key);
      if (keys.length === 0 && !gaps.isOpen) return;
    }
  }

  /** Whoever still writes was not stopped. What he writes is copied all the same. */
  async #lingers(): Promise<void> {
    const { linger } = this.#options;
    if (linger === 0) return;
    this.#enter('lingering');
    const { rounds, gaps, lookForDatabases } = this.#parts;
    await this.#inTime(() => this.#writers.begin());
    const end = performance.now() + linger;
    for (let left = linger; left > 0; left = end - performance.now()) {
      await sleep(Math.min(left, LOOK_MS), undefined, { ref: false });
      await this.#inTime(() => this.#writers.look());
    }
    let changes = 0;
    await this.#inTime(async () => {
      await lookForDatabases();
      await gaps.closed();
      changes = rounds.changes;
      await this.#settleAll();
    });
    const written = await this.#writers.count(changes);
    if (written > 0) this.#sink.onStragglers(this.#writers.names, written);
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

  /** Waits no longer than until the cutover is asked for. */
  async #unlessAsked(work: () => Promise<unknown>): Promise<void> {
    const done = new AbortController();
    const working = work().finally(() => {
      done.abort();
      this.#moved.wake();
    });
    working.catch((error: unknown) => this.#failure.fail(error));
    while (!done.signal.aborted && !this.#isAsked && !this.#isOver) await this.#moved.sleep();
  }

  #enter(phase: Phase): void {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#sink.onPhase(phase);
  }

  #notConverged(): RespError {
    const { rounds, gaps } = this.#parts;
    const missing = [
      ...(rounds.behind > 0 ? [countOf(rounds.behind, 'changed key')] : []),
      ...(gaps.isOpen ? ['changes that were missed and are not made good yet'] : []),
    ].join(', ');
    const cannot = `Gave up on the cutover: after ${this.#options.cutoverTimeout / 1000} s`;
    const message =
      missing === ''
        ? `${cannot} a server has not answered whether the target has everything`
        : `${cannot} the target still lacks ${missing}`;
    return new RespError('NOT_CONVERGED', message, {
      hint: 'stop whoever writes to the source, or give it more time with --cutover-timeout',
      retryable: true,
    });
  }
}
