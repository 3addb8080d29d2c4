// Moments of a copy that is under way: where the walks and the feeds are, and what is counted. One may be kept once all is done
// with that had been found, or had changed, by then.

import { isDeepStrictEqual } from 'node:util';
import type { CheckpointFigures } from '../checkpoint/checkpoint.ts';
import type { RedisSource, SourcePlace } from '../source/redis-source.ts';
import type { RedisTarget } from '../target/redis-target.ts';
import type { FollowedPlace, LiveCopy } from './live.ts';
import type { Progress } from './progress.ts';

/** Milliseconds between two moments that may be kept. They are close, as reading runs ahead of writing in leaps. */
const MOMENT_MS = 1;
/** As long as no more are remembered, each page makes one: a small keyspace may be found within a millisecond. */
const FEW = 8;
/** Moments that are remembered at once. */
const MOST_MOMENTS = 64;

/** The sides of a copy that is under way. */
export interface Course {
  readonly source: RedisSource;
  readonly target: RedisTarget;
  readonly progress: Progress;
  /** Where the source is followed. */
  readonly live: LiveCopy | undefined;
}

/** A moment, and what had been counted by then. */
export interface Moment {
  readonly place: SourcePlace;
  readonly followed: FollowedPlace | undefined;
  readonly figures: CheckpointFigures;
}

export class Moments {
  readonly #course: Course;
  /** In their order. */
  #moments: Moment[] = [];
  #lastPage = -1;
  #lastFollowed: FollowedPlace | undefined;
  #rememberedAt = 0;

  constructor(course: Course) {
    this.#course = course;
    course.source.onPage(() => {
      const isDue = this.#moments.length < FEW || performance.now() - this.#rememberedAt >= MOMENT_MS;
      if (isDue) this.remember();
    });
  }

  /** Moments are few, however long it takes until all is done with that was under way. */
  remember(): void {
    const { source, progress, live } = this.#course;
    const { page, epoch } = source.mark;
    const followed = live?.place;
    // Nobody can say what had changed by now.
    if (live !== undefined && followed === undefined) return;
    const last = this.#moments.at(-1)?.place;
    // Of what was found before something was lost, nothing will be done with.
    if (last !== undefined && last.epoch !== epoch) this.#moments = [];
    else if (page === this.#lastPage && isDeepStrictEqual(followed, this.#lastFollowed)) return;
    this.#lastPage = page;
    this.#lastFollowed = followed;
    this.#rememberedAt = performance.now();
    this.#moments.push({ place: source.place, followed, figures: progress.kept });
    if (this.#moments.length > MOST_MOMENTS) this.#moments = this.#moments.filter((_, i) => i % 2 === 0);
  }

  /** The last one of which all is done with, and which was not taken yet. */
  takePassed(): Moment | undefined {
    const { source, live } = this.#course;
    const passed = this.#moments.findLastIndex(
      ({ place, followed }) => source.hasPassed(place) && (followed === undefined || live!.hasPassed(followed)),
    );
    return this.#moments.splice(0, passed + 1).at(-1);
  }
}

/**
 * The figures of what had been found by then, now that all of it is done with: what was under way has its share of what was
 * counted meanwhile. Keys that were found later are read again by whoever goes on.
 */
export function figuresAt({ place: { openKeys }, figures: then }: Moment, now: CheckpointFigures): CheckpointFigures {
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
