// The cutover: from the moment on that the writers are said to have stopped, until nothing is left behind, and whoever still
// writes is known.
//
//     caught up ──▶ settled ──▶ streams · keys that failed ──▶ unanswered · WAIT ──▶ linger

import { setTimeout as sleep } from 'node:timers/promises';
import { RespError } from '../../resp/errors.ts';
import { countOf } from '../../resp/figures.ts';
import type { KeyId } from '../flow/key-id.ts';
import type { Feeds } from './feeds.ts';
import type { Gaps } from './gaps.ts';
import type { Rounds } from './rounds.ts';
import type { Streams } from './streams.ts';
import type { Writers } from './writers.ts';

export interface CutoverOptions {
  /** Milliseconds for all that is to be done from there on, but for the linger. */
  readonly cutoverTimeout: number;
  /** Milliseconds for which whoever still writes afterwards is looked for. */
  readonly linger: number;
  /** Whether somebody has the run wait: nothing is read or written then. */
  readonly isPaused: () => boolean;
}

export interface CutoverParts {
  readonly feeds: Feeds;
  readonly rounds: Rounds;
  readonly gaps: Gaps;
  readonly streams: Streams;
  /** Looks for databases that have come, each of which is a gap; false where not every server would say. */
  readonly lookForDatabases: () => Promise<boolean>;
  /** Keys of which it is not certain that the target has them as they were read last. */
  readonly unanswered: () => readonly KeyId[];
  /** Keys that could not be read or written, so many at once. */
  readonly failed: () => Iterable<readonly KeyId[]>;
  /** Every node of the target answers: what one of them may have lost until then is a gap by now. @throws RespError */
  readonly reachTarget: () => Promise<void>;
  /** The last word of the target, once all is settled. @throws RespError */
  readonly confirm: (timeoutMs: number) => Promise<void>;
}

/** Then all keys are read once more before the end. */
const MANY_STREAMS = {
  reason: 'there are more streams than names are kept',
  databases: undefined,
  slots: undefined,
  isFlush: false,
};
/** Milliseconds between two looks for what servers have to say. */
const LOOK_MS = 200;
/** Of the time that is left for the cutover: for so long keys that have failed are tried once more, each as many times as those before. */
const FAILED_SHARE = 0.25;
/** Nobody waits for the time of a large value any more. */
const HURRIED = { isHurried: true };
/** Of the time that is left for the cutover: what replicas say has to come before it is over. */
const CONFIRM_SHARE = 0.5;

export class Cutover {
  readonly #parts: CutoverParts;
  readonly #options: CutoverOptions;
  readonly #writers: Writers;
  readonly #following: { readonly isOver: boolean };

  constructor(parts: CutoverParts, options: CutoverOptions, writers: Writers, following: { readonly isOver: boolean }) {
    this.#parts = parts;
    this.#options = options;
    this.#writers = writers;
    this.#following = following;
  }

  /**
   * All that the source had acknowledged by now is on the target when it returns.
   * @param streamsFound once all streams are known
   * @throws RespError `NOT_CONVERGED`, where it takes longer than a cutover may
   */
  async settle(streamsFound: Promise<void>): Promise<void> {
    this.#parts.feeds.tellWritesApart();
    await this.#inTime(async (leftMs) => {
      await streamsFound;
      await this.#settle(leftMs);
    });
  }

  /** Whoever still writes was not stopped. What he writes is copied all the same. Returns how much that was. */
  async linger(): Promise<number> {
    const { linger } = this.#options;
    const { gaps, lookForDatabases } = this.#parts;
    await this.#inTime(() => this.#writers.begin());
    const end = performance.now() + linger;
    for (let left = linger; left > 0; left = end - performance.now()) {
      await sleep(Math.min(left, LOOK_MS), undefined, { ref: false });
      await this.#inTime(() => this.#writers.look());
    }
    await this.#inTime(async () => {
      await lookForDatabases();
      await gaps.closed();
      await this.#settleAll();
    });
    return this.#writers.count();
  }

  async #settle(leftMs: () => number): Promise<void> {
    const { feeds, rounds, gaps, streams, failed, confirm, lookForDatabases } = this.#parts;
    if (!streams.isComplete) gaps.add(MANY_STREAMS);
    await gaps.closed();
    await feeds.caughtUp({ looks: true });
    // A server that is being reached anew says nothing for a while, nor does one that the user may not ask.
    while (!this.#following.isOver && !(await lookForDatabases())) {
      await sleep(LOOK_MS);
      await feeds.caughtUp();
    }
    await this.#settleAll();
    for (const some of streams.portions) await rounds.readAgain(some, HURRIED);
    // What was wrong with a key may have passed.
    const least = leftMs() * (1 - FAILED_SHARE);
    for (const some of failed()) if (leftMs() > least) await rounds.readAgain(some, HURRIED);
    rounds.markNowhere();
    do {
      await this.#settleAll();
      await confirm(Math.max(1, Math.floor(leftMs() * CONFIRM_SHARE)));
    } while (gaps.isOpen && !this.#following.isOver);
  }

  /** Until nothing is missed, nor lost by the target, and what is marked by then is there. */
  async #settleAll(): Promise<void> {
    const { rounds, gaps, unanswered, reachTarget } = this.#parts;
    while (!this.#following.isOver) {
      await gaps.closed();
      await rounds.settled(HURRIED);
      await reachTarget();
      const keys = unanswered();
      for (const { db, key } of keys) rounds.mark(db, key);
      if (keys.length === 0 && !gaps.isOpen) return;
    }
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

  #notConverged(): RespError {
    const { rounds, gaps } = this.#parts;
    const missing = [
      ...(rounds.behind > 0 ? [countOf(rounds.behind, 'changed key')] : []),
      ...(gaps.isOpen ? ['changes that were missed and are not made good yet'] : []),
    ].join(', ');
    const { cutoverTimeout, isPaused } = this.#options;
    const cannot = `Gave up on the cutover: after ${cutoverTimeout / 1000} s`;
    const message =
      missing === ''
        ? `${cannot} a server has not answered whether the target has everything`
        : `${cannot} the target still lacks ${missing}`;
    const paused = 'the copy was paused: have it go on before the cutover, by rump ctl SOCKET resume';
    const slow = 'stop whoever writes to the source, or give it more time with --cutover-timeout';
    return new RespError('NOT_CONVERGED', message, { hint: isPaused() ? paused : slow, retryable: true });
  }
}
