// What a march has found, made into verdicts: what matches is counted, what differs is doubted until it was looked at again.

import type { RespError } from '../../resp/errors.ts';
import { sizeOf, type Entry } from '../flow/entry.ts';
import type { Role } from '../server/server.ts';
import type { CheckProgress } from './check-progress.ts';
import { RecheckQueue, type Doubt } from './recheck-queue.ts';
import type { CompareWalkSink, Result } from './compare-walk.ts';
import type { Place } from './asked-keys.ts';
import type { Verdict, VerdictEvent } from './options.ts';
import { NEVER, type Milliseconds } from '../rdb/milliseconds.ts';

export interface FindingsOptions {
  readonly walkedRole: Role;
  /** What the walked side's `expireAt` is told by. */
  readonly clock: () => number;
  /** Where the other side would have a key of the walked one. */
  readonly otherOf: (db: number, key: Buffer) => Place;
  readonly tellMatches: boolean;
  /** Keys that only the target has are no difference. */
  readonly oneWay: boolean;
  /** Bytes of names that may be kept in doubt. */
  readonly budget?: number | undefined;
}

export class Findings implements CompareWalkSink {
  readonly doubts: RecheckQueue;
  readonly #options: FindingsOptions;
  readonly #progress: CheckProgress;
  /** Whether everything was walked, and only doubts are looked at. */
  #isAgain = false;
  #isOverflowTold = false;

  constructor(options: FindingsOptions, progress: CheckProgress) {
    this.#options = options;
    this.#progress = progress;
    this.doubts = new RecheckQueue(options.budget);
  }

  again(): void {
    this.#isAgain = true;
  }

  onResult(walked: Entry, result: Result, what?: string): void {
    if (!this.#isAgain) this.#progress.onCompared(sizeOf(walked));
    switch (result) {
      case 'match':
        return this.#match(walked);
      case 'gone':
        return this.#gone(walked, this.#isExpired(this.#expiryOf(walked)));
      case 'differ':
      case 'notComparable':
        return this.#doubt(walked, result, what);
      case 'walkedOnly':
        return this.#doubt(walked, this.#options.walkedRole === 'source' ? 'sourceOnly' : 'targetOnly');
      default:
        this.#doubt(walked, this.#otherOnly);
    }
  }

  onRefused(db: number, key: Buffer, error: RespError): void {
    this.doubts.delete({ db, key });
    this.#progress.onReadRefused(db, key, error);
  }

  /** The walked side would not say, while it was read. */
  onReadRefused(db: number, key: Buffer, error: RespError): void {
    this.onRefused(db, key, error);
  }

  /** @param walked where the walked side might have it, and does not */
  onOtherOnly(walked: readonly Place[], other: Place): void {
    this.#add({ walked, other, verdict: this.#otherOnly, what: undefined, expireAt: NEVER });
  }

  /** Nothing will change any more: what is still in doubt is so. */
  conclude(): void {
    for (const doubt of this.doubts) this.#tell(doubt);
  }

  get #otherOnly(): 'sourceOnly' | 'targetOnly' {
    return this.#options.walkedRole === 'source' ? 'targetOnly' : 'sourceOnly';
  }

  #match(walked: Entry): void {
    const { tellMatches, otherOf } = this.#options;
    this.#progress.onMatch();
    // A file may have a key twice: the last one counts.
    if (this.doubts.size > 0) this.doubts.delete(walked);
    if (!tellMatches) return;
    this.#progress.onVerdict(this.#eventOf(walked, otherOf(walked.db, walked.key), 'match'));
  }

  /** Neither side has it: it expired, or was deleted on both. */
  #gone(walked: Place, isExpired: boolean): void {
    if (isExpired) this.#progress.onExpired();
    else this.#progress.onGone();
    this.doubts.delete(walked);
  }

  /** The one that is known last; of a key that is gone the one that it had. */
  #expiryOf(entry: Entry): Milliseconds {
    const isGone = entry.payload === null && entry.large === null;
    return isGone ? (this.doubts.get(entry)?.expireAt ?? NEVER) : entry.expireAt;
  }

  #isExpired(expireAt: Milliseconds): boolean {
    return expireAt !== NEVER && expireAt <= this.#options.clock();
  }

  #doubt(entry: Entry, verdict: Doubt['verdict'], what?: string): void {
    const known = this.doubts.size > 0 ? this.doubts.get(entry) : undefined;
    const expireAt = this.#expiryOf(entry);
    // Whoever has it no more was only a little faster.
    if ((verdict === 'sourceOnly' || verdict === 'targetOnly') && this.#isExpired(expireAt))
      return this.#gone(entry, true);
    const walked = known?.walked ?? [{ db: entry.db, key: entry.key }];
    const other = known?.other ?? this.#options.otherOf(entry.db, entry.key);
    this.#add({ walked, other, verdict, what, expireAt });
  }

  #add(doubt: Doubt): void {
    if (doubt.verdict === 'targetOnly' && this.#options.oneWay) return this.doubts.delete(doubt.walked[0]!);
    if (this.doubts.add(doubt)) return;
    if (!this.#isOverflowTold) {
      this.#isOverflowTold = true;
      const message =
        'more keys differ than can be kept in mind: the others are told as they stand, and not looked at again';
      this.#progress.warn('RECHECK_LIMIT', message);
    }
    this.#tell(doubt);
  }

  #tell({ walked, other, verdict, what }: Doubt): void {
    this.#progress.onVerdict(this.#eventOf(walked[0]!, other, verdict, what));
  }

  #eventOf(walked: Place, other: Place, verdict: Verdict, what?: string): VerdictEvent {
    const [source, target] = this.#options.walkedRole === 'source' ? [walked, other] : [other, walked];
    const places = { db: source.db, key: source.key, targetDb: target.db, targetKey: target.key };
    return { type: 'verdict', verdict, ...places, ...(what === undefined ? {} : { what }) };
  }
}
