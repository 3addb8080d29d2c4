// Moments of a copy that is under way: where the walks and the feeds are, and what is counted of the keys that had been found by
// then. One may be kept once all is done with that had been found, or had changed, by then.

import { isDeepStrictEqual } from 'node:util';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { NO_PAGE } from '../flow/key-id.ts';
import type { RedisSource, SourcePlace } from '../source/redis-source.ts';
import type { RedisTarget } from '../target/redis-target.ts';
import type { FollowedPlace, LiveCopy } from './live.ts';
import { NOTHING_COUNTED, type Counts, type Progress } from './progress.ts';

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

export interface Moment {
  readonly place: SourcePlace;
  readonly followed: FollowedPlace | undefined;
  /** Of keys that had been found since the moment before. */
  readonly counts: Counts;
}

export class Moments {
  readonly #course: Course;
  /** In their order. */
  #moments: Moment[] = [];
  /** Of keys that had been found by the last moment that was taken, and of those of no page. */
  readonly #counted: Counts;
  /** Of keys that were found since the last moment. */
  #newest: Counts = { ...NOTHING_COUNTED };
  #lastPage = -1;
  #lastFollowed: FollowedPlace | undefined;
  #rememberedAt = 0;

  /** @param before what goes on */
  constructor(course: Course, before: Pick<Checkpoint, 'figures' | 'failed'> | undefined) {
    this.#course = course;
    this.#counted = before === undefined ? { ...NOTHING_COUNTED } : countsIn(before);
    course.progress.countBy((page) => this.#countsOf(page));
    course.source.onPage(() => {
      const isDue = this.#moments.length < FEW || performance.now() - this.#rememberedAt >= MOMENT_MS;
      if (isDue) this.remember();
    });
  }

  /** Moments are few, however long it takes until all is done with that was under way. */
  remember(): void {
    const { source, live } = this.#course;
    const { page, epoch } = source.mark;
    const followed = live?.place;
    // Nobody can say what had changed by now.
    if (live !== undefined && followed === undefined) return;
    const last = this.#moments.at(-1)?.place;
    // Of what was found before something was lost, nothing will be done with.
    if (last !== undefined && last.epoch !== epoch) this.#keepOnly(() => false);
    else if (page === this.#lastPage && isDeepStrictEqual(followed, this.#lastFollowed)) return;
    this.#lastPage = page;
    this.#lastFollowed = followed;
    this.#rememberedAt = performance.now();
    this.#moments.push({ place: source.place, followed, counts: this.#newest });
    this.#newest = { ...NOTHING_COUNTED };
    if (this.#moments.length > MOST_MOMENTS) this.#keepOnly((i) => i % 2 === 0);
  }

  /** The last one of which all is done with, and which was not taken yet; its counts are those of all keys found by then. */
  takePassed(): Moment | undefined {
    const { source, live } = this.#course;
    const passed = this.#moments.findLastIndex(
      ({ place, followed }) => source.hasPassed(place) && (followed === undefined || live!.hasPassed(followed)),
    );
    const taken = this.#moments.splice(0, passed + 1);
    for (const { counts } of taken) add(this.#counted, counts);
    const last = taken.at(-1);
    return last === undefined ? undefined : { ...last, counts: { ...this.#counted } };
  }

  /** What is counted of a key belongs to the first moment by which it had been found. */
  #countsOf(page: number): Counts {
    // What has changed counts each time that it is read, and belongs to no place of the walks.
    if (page === NO_PAGE || this.#course.live?.reading.follower?.isChange(page) === true) return this.#counted;
    for (const { place, counts } of this.#moments) if (page <= place.page) return counts;
    return this.#newest;
  }

  /** What is counted of the others goes to the next one that is kept. */
  #keepOnly(isKept: (i: number) => boolean): void {
    let left: Counts = { ...NOTHING_COUNTED };
    this.#moments = this.#moments.filter(({ counts }, i) => {
      if (isKept(i)) {
        add(counts, left);
        left = { ...NOTHING_COUNTED };
        return true;
      }
      add(left, counts);
      return false;
    });
    add(this.#newest, left);
  }
}

function countsIn({ figures, failed }: Pick<Checkpoint, 'figures' | 'failed'>): Counts {
  const { reconnects: _, elapsed: __, ...ofKeys } = figures;
  return { ...ofKeys, moreFailed: failed.more };
}

function add(sum: Counts, counts: Counts): void {
  for (const name of Object.keys(sum) as (keyof Counts)[]) sum[name] += counts[name];
}
