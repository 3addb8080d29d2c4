// What was found, made into verdicts, figures and events: what matches is counted at once, what differs is told when it was read
// again.

import type { RespError } from '../../resp/errors.ts';
import type { EntryView } from '../flow/entry-view.ts';
import { sizeOf, type Entry } from '../flow/entry.ts';
import type { KeyId } from '../flow/key-id.ts';
import { NEVER, type Milliseconds } from '../rdb/milliseconds.ts';
import type { SlotsHeldUp } from '../cluster/redirects.ts';
import type { Role } from '../server/server.ts';
import type { SourceNotice, SourceSink } from '../source/source.ts';
import type { RunControls } from '../sync/controls.ts';
import { RunProgress } from '../sync/run-progress.ts';
import { noticeText } from '../sync/warnings.ts';
import { isInternalName } from '../target/internal-names.ts';
import type { AskedSideSink, Result } from './asked-side.ts';
import type { CheckEvent, CheckFigures, CheckSettings, Verdict, VerdictEvent } from './options.ts';
import { RecheckQueue, type RecheckKey } from './recheck.ts';

export interface FindingsOptions {
  readonly walkedRole: Role;
  /** What the walked side's `expireAt` is told by. */
  readonly clock: () => number;
  /** Where the asked side would have a key of the walked one. */
  readonly askedOf: (db: number, key: Buffer) => KeyId;
  readonly tellMatches: boolean;
  /** Keys that only the target has are no difference. */
  readonly oneWay: boolean;
  /** Bytes of the names of keys that are to be read again. */
  readonly budget?: number | undefined;
}

export class Findings implements AskedSideSink {
  readonly queue: RecheckQueue;
  readonly #options: FindingsOptions;
  readonly #progress: CheckProgress;
  /** Whether everything was walked, and only keys that differ are read again. */
  #isRecheck = false;
  #isOverflowTold = false;

  constructor(options: FindingsOptions, progress: CheckProgress) {
    this.#options = options;
    this.#progress = progress;
    this.queue = new RecheckQueue(options.budget);
  }

  /** Everything was walked: from now on keys come a second time. */
  beginRechecks(): void {
    this.#isRecheck = true;
  }

  onResult(walked: Entry, result: Result, what?: string): void {
    if (!this.#isRecheck) this.#progress.onCompared(sizeOf(walked));
    switch (result) {
      case 'match':
        return this.#match(walked);
      case 'gone':
        return this.#gone(walked, this.#isExpired(this.#expiryOf(walked)));
      case 'differ':
      case 'notComparable':
        return this.#differs(walked, result, what);
      case 'walkedOnly':
        return this.#differs(walked, this.#options.walkedRole === 'source' ? 'sourceOnly' : 'targetOnly');
      default:
        this.#differs(walked, this.#askedOnly);
    }
  }

  onMatch(walked: EntryView): void {
    if (!this.#isRecheck) this.#progress.onCompared(walked.size);
    this.#match(walked);
  }

  onRefused(db: number, key: Buffer, error: RespError): void {
    this.queue.delete({ db, key });
    this.#progress.onReadRefused(db, key, error);
  }

  onNotice(notice: SlotsHeldUp): void {
    this.#progress.onNotice(notice);
  }

  /** The walked side would not say, while it was read. */
  onReadRefused(db: number, key: Buffer, error: RespError): void {
    this.onRefused(db, key, error);
  }

  /** @param walked where the walked side might have it, and does not */
  onAskedOnly(walked: readonly KeyId[], asked: KeyId): void {
    this.#add({ walked, asked, verdict: this.#askedOnly, what: undefined, expireAt: NEVER });
  }

  /** Nothing is read again any more: what differs by now is told. */
  conclude(): void {
    for (const key of this.queue) this.#tell(key);
  }

  get #askedOnly(): 'sourceOnly' | 'targetOnly' {
    return this.#options.walkedRole === 'source' ? 'targetOnly' : 'sourceOnly';
  }

  #match(walked: KeyId): void {
    const { tellMatches, askedOf } = this.#options;
    this.#progress.onMatch();
    // A file may have a key twice: the last one counts.
    if (this.queue.size > 0) this.queue.delete(walked);
    if (!tellMatches) return;
    this.#progress.onVerdict(this.#eventOf(walked, askedOf(walked.db, walked.key), 'match'));
  }

  /** Neither side has it: it expired, or was deleted on both. */
  #gone(walked: KeyId, isExpired: boolean): void {
    if (isExpired) this.#progress.onExpired();
    else this.#progress.onGone();
    this.queue.delete(walked);
  }

  /** The one that is known last; of a key that is gone the one that it had. */
  #expiryOf(entry: Entry): Milliseconds {
    const isGone = entry.kind === 'name' || entry.kind === 'gone';
    return isGone ? (this.queue.get(entry)?.expireAt ?? NEVER) : entry.expireAt;
  }

  #isExpired(expireAt: Milliseconds): boolean {
    return expireAt !== NEVER && expireAt <= this.#options.clock();
  }

  #differs(entry: Entry, verdict: RecheckKey['verdict'], what?: string): void {
    const known = this.queue.size > 0 ? this.queue.get(entry) : undefined;
    const expireAt = this.#expiryOf(entry);
    // Whoever has it no more was only a little faster.
    if ((verdict === 'sourceOnly' || verdict === 'targetOnly') && this.#isExpired(expireAt))
      return this.#gone(entry, true);
    const walked = known?.walked ?? [{ db: entry.db, key: entry.key }];
    const asked = known?.asked ?? this.#options.askedOf(entry.db, entry.key);
    this.#add({ walked, asked, verdict, what, expireAt });
  }

  #add(key: RecheckKey): void {
    if (key.verdict === 'targetOnly' && (this.#options.oneWay || isInternalName(this.#targetOf(key))))
      return this.queue.delete(key.walked[0]!);
    if (this.queue.add(key)) return;
    if (!this.#isOverflowTold) {
      this.#isOverflowTold = true;
      const message =
        'more keys differ than can be kept in mind: the others are told as they stand, and not looked at again';
      this.#progress.warn('RECHECK_LIMIT', message);
    }
    this.#tell(key);
  }

  #targetOf({ walked, asked }: RecheckKey): Buffer {
    return this.#options.walkedRole === 'source' ? asked.key : walked[0]!.key;
  }

  #tell({ walked, asked, verdict, what }: RecheckKey): void {
    this.#progress.onVerdict(this.#eventOf(walked[0]!, asked, verdict, what));
  }

  #eventOf(walked: KeyId, asked: KeyId, verdict: Verdict, what?: string): VerdictEvent {
    const [source, target] = this.#options.walkedRole === 'source' ? [walked, asked] : [asked, walked];
    const places = { db: source.db, key: source.key, targetDb: target.db, targetKey: target.key };
    return { type: 'verdict', verdict, ...places, ...(what === undefined ? {} : { what }) };
  }
}

/** The figures of a check, and the events that tell of them. It decides only what counts as what. */
export class CheckProgress extends RunProgress implements SourceSink {
  readonly #onEvent: (event: CheckEvent) => void;
  readonly #controls: RunControls;
  #match = 0;
  #differ = 0;
  #sourceOnly = 0;
  #targetOnly = 0;
  #notComparable = 0;
  #gone = 0;
  #bytes = 0;

  constructor({
    onCheckEvent,
    controls,
    observation,
  }: Pick<CheckSettings, 'onCheckEvent' | 'controls' | 'observation'>) {
    super(onCheckEvent, observation);
    this.#onEvent = onCheckEvent;
    this.#controls = controls;
  }

  /** Some key was compared, whatever came out of it. */
  onCompared(bytes: number): void {
    this.#bytes += bytes;
    this.countKeys(1);
  }

  onMatch(): void {
    this.#match++;
  }

  onVerdict(event: VerdictEvent): void {
    if (event.verdict === 'differ') this.#differ++;
    else if (event.verdict === 'sourceOnly') this.#sourceOnly++;
    else if (event.verdict === 'targetOnly') this.#targetOnly++;
    else if (event.verdict === 'notComparable') this.#notComparable++;
    this.#onEvent(event);
  }

  onGone(): void {
    this.#gone++;
  }

  /** Of what a file has, only databases may hold keys that could be compared. */
  override onNotice(notice: SourceNotice): void {
    if (notice.code !== 'LEFT_OUT') super.onNotice(notice);
    else if (notice.kind === 'databases') this.warn('DATABASES_LEFT_OUT', noticeText(notice));
  }

  onRecheck(keys: number, round: number, rounds: number, pause: number): void {
    this.#onEvent({ type: 'recheck', keys, round, rounds, pause });
  }

  /** Everything was compared. @throws RespError, where the source lost keys meanwhile */
  finish(): CheckFigures {
    this.demandWhole();
    const { match, differ, sourceOnly, targetOnly, notComparable, expired, gone, failed } = this.#figures();
    this.end(match + differ + sourceOnly + targetOnly + notComparable + expired + gone + failed === 0);
    const figures = this.#figures();
    this.#onEvent({ type: 'checked', ...figures });
    return figures;
  }

  protected override tell(fraction: number): void {
    const figures = this.#figures();
    const { match, differ, sourceOnly, targetOnly, notComparable, bytes, expired, failed, reconnects, elapsed } =
      figures;
    const keys = match + differ + sourceOnly + targetOnly + notComparable;
    this.#controls.show('comparing', {
      fraction,
      keys,
      bytes,
      converted: 0,
      skipped: 0,
      expired,
      failed,
      reconnects,
      elapsed,
    });
    this.#onEvent({ type: 'check-progress', fraction, ...figures });
  }

  #figures(): CheckFigures {
    const { expired, failed, reconnects, elapsed } = this.common;
    return {
      match: this.#match,
      differ: this.#differ,
      sourceOnly: this.#sourceOnly,
      targetOnly: this.#targetOnly,
      notComparable: this.#notComparable,
      expired,
      gone: this.#gone,
      failed,
      bytes: this.#bytes,
      reconnects,
      elapsed,
    };
  }
}
