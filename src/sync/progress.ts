// The figures of a copy, counted from replies, and the events that tell of them.

import { nameOf, RespError, type Peer, type ReplyError } from '../../resp/errors.ts';
import { countOf, formatCount } from '../../resp/figures.ts';
import { kindOf } from '../server/refusal.ts';
import type { CheckpointFigures, FailedKeysState, KeyFigures } from '../checkpoint/checkpoint.ts';
import { NO_PAGE, type KeyId } from '../flow/key-id.ts';
import { KeyList } from '../flow/key-list.ts';
import type { SourceNotice, SourceSink } from '../source/source.ts';
import type { WrittenKey } from '../target/target-process.ts';
import type { TargetSink } from '../target/target.ts';
import { FailedKeys } from './failed-keys.ts';
import type { Figures, LiveProgress, MigrateResult, TypeFigures } from './options.ts';
import { RunProgress } from './run-progress.ts';
import type { Settings } from './settings.ts';

/** Keys that may be the target's own, by name. */
const DOUBTFUL_NAMED = 20;
/** Names of keys that the target lacks in one warning. */
const MISSING_NAMED = 5;

/** What is owed by the limits for less is what they are for. */
const LONG_WAIT_MS = 1000;

/** What is counted of keys, of those that had been found by some moment. */
export interface Counts extends Mutable<KeyFigures> {
  /** Keys that have failed, whose names are not kept. */
  moreFailed: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export const NOTHING_COUNTED: Readonly<Counts> = {
  keys: 0,
  bytes: 0,
  converted: 0,
  skipped: 0,
  expired: 0,
  repeated: 0,
  removed: 0,
  moreFailed: 0,
};

/** The figures of a copy. It decides only what counts as what. */
export class Progress extends RunProgress implements SourceSink, TargetSink {
  readonly #settings: Settings;
  #keys = 0;
  #bytes = 0;
  #converted = 0;
  #skipped = 0;
  #repeated = 0;
  /** Keys that a dry run has found. */
  #counted = 0;
  #isCountVoid = false;
  #removed = 0;
  #stragglers = 0;
  /** Names of the target that may be its own. */
  readonly #doubtful = new KeyList<undefined>();
  #live: (() => LiveProgress) | undefined;
  /** What a key of the source is at the target, where the source is followed. */
  #targetOf: (key: KeyId) => KeyId = (key) => key;
  #readAgain: (key: KeyId) => void = () => {};
  /** Keys that the target has of its own, each of which is told whenever it changes at the source. */
  readonly #left = new KeyList<undefined>();
  /** Keys that are not as the source has them, and why. */
  #failedKeys = new FailedKeys();
  #isResumed = false;
  /** Where what is done is kept. */
  #countsOf: ((page: number) => Counts) | undefined;

  /** Called with the first error of a key in this run, where one is enough. */
  onFirstFailure: (error: RespError) => void = () => {};

  constructor(settings: Settings) {
    super(settings.onEvent, settings.observation);
    this.#settings = settings;
  }

  /** @param countsOf what is counted of the keys of a page, or of no page: this one adds to it */
  countBy(countsOf: (page: number) => Counts): void {
    this.#countsOf = countsOf;
  }

  /** @param before what an earlier part has counted @param moreFailed keys that have failed in it, whose names are not known */
  goOn(before: CheckpointFigures, moreFailed: number): void {
    this.#failedKeys = new FailedKeys(moreFailed);
    this.#isResumed = true;
    this.goOnFrom(before);
    this.#keys = before.keys;
    this.#bytes = before.bytes;
    this.#converted = before.converted;
    this.#skipped = before.skipped;
    this.#repeated = before.repeated;
    this.#removed = before.removed;
  }

  /** What a later run goes on from. @param counts of the keys that are done with by then */
  figuresWith({ keys, bytes, converted, skipped, expired, repeated, removed }: Counts): CheckpointFigures {
    const { reconnects, elapsed } = this.common;
    return { keys, bytes, converted, skipped, expired, repeated, removed, reconnects, elapsed };
  }

  /** Keys that have failed, as far as names are kept, and each time more of them. */
  get failedKeys(): Iterable<readonly KeyId[]> {
    return this.#failedKeys.growing;
  }

  /** Keys that have failed, of those that had been found up to a page. @param more of them whose names are not kept */
  failedUpTo(page: number, more: number): FailedKeysState {
    return { names: this.#failedKeys.namesUpTo(page), more };
  }

  /** All of them. */
  get allFailed(): FailedKeysState {
    return this.failedUpTo(Infinity, this.#failedKeys.more);
  }

  onWritten(keys: number, bytes: number, page: number): void {
    this.#keys += keys;
    this.#bytes += bytes;
    const counts = this.#countsOf?.(page);
    if (counts !== undefined) {
      counts.keys += keys;
      counts.bytes += bytes;
    }
    this.countKeys(keys);
  }

  onRemoved(keys: number): void {
    this.#removed += keys;
    this.#count(NO_PAGE, 'removed', keys);
    this.countKeys(keys);
  }

  onConverted(page: number): void {
    this.#converted++;
    this.#count(page, 'converted');
  }

  override onExpired(page = NO_PAGE): void {
    super.onExpired();
    this.#count(page, 'expired');
  }

  /**
   * From now on the source is followed.
   * @param targetOf what a key of it is at the target
   * @param readAgain reads it once more
   */
  follow(live: () => LiveProgress, targetOf: (key: KeyId) => KeyId, readAgain: (key: KeyId) => void): void {
    this.#live = live;
    this.#targetOf = targetOf;
    this.#readAgain = readAgain;
  }

  onPhase(phase: LiveProgress['phase']): void {
    this.#settings.onEvent({ type: 'phase', phase });
  }

  /** Something may have been missed of the source's changes. */
  onMissed(reasons: readonly string[], isFlush: boolean): void {
    const what = isFlush ? 'what it has not any more is looked for' : 'the keys in question are read once more';
    this.warn('GAP', `${reasons.join('; ')}: ${what}`);
  }

  /** Somebody has written after the cutover. */
  onStragglers(names: readonly Buffer[], count: number): void {
    this.#stragglers += count;
    const shown = names.map((name) => `"${name.toString()}"`).join(', ');
    const which =
      shown === '' ? 'databases were flushed, or exchanged' : `among the keys that have changed since are ${shown}`;
    this.warn('STRAGGLERS', `the source is still written after the cutover, and it is copied all the same; ${which}`);
  }

  /**
   * The target has a key that the source does not have, and that may be its own.
   * @param why it could not be learnt whether the source has it, or whether it is in scope
   */
  onDoubt(db: number, name: Buffer, why?: RespError): void {
    const isNews = this.#doubtful.add({ db, key: name }, undefined);
    if (!isNews || this.#doubtful.length > DOUBTFUL_NAMED) return;
    const what = `the target has "${name.toString()}" in db ${db}`;
    const message =
      why === undefined
        ? `${what}, which the source does not have: it may be the target's own, and stays`
        : `${what}, and whether the source should have it cannot be told (${why.message}): it stays`;
    this.warn('DOUBTFUL', message);
  }

  override onNotice(notice: SourceNotice): void {
    super.onNotice(notice);
    if (notice.code === 'SCANNED_ANEW') this.#isCountVoid = true;
  }

  onWalkedAnew(): void {
    this.#isCountVoid = true;
  }

  /** Whether what a dry run has counted came once more since it began. */
  get isCountVoid(): boolean {
    return this.#isCountVoid;
  }

  /** Of a dry run: nothing of what was counted holds. */
  beginAnew(): void {
    this.forget();
    this.#failedKeys = new FailedKeys();
    this.#isCountVoid = false;
  }

  onGone(page: number): void {
    this.onExpired(page);
  }

  onRepeated(page: number): void {
    this.#repeated++;
    this.#count(page, 'repeated');
  }

  override onReadRefused(db: number, key: Buffer, error: RespError, page = NO_PAGE): void {
    // A change that is followed may have been told before the page came that the key was found on.
    const known = this.#live === undefined ? page : NO_PAGE;
    const { more } = this.#failedKeys;
    // It has failed before, and is one key.
    if (!this.#failedKeys.add({ db, key }, error.message, known)) return;
    this.#count(known, 'moreFailed', this.#failedKeys.more - more);
    super.onReadRefused(db, key, error);
    const message = `Stopped at the first key that failed: ${error.message}`;
    // Others may have failed in an earlier part.
    if (super.failed === 1) this.onFirstFailure(new RespError(error.code, message, { cause: error }));
  }

  onInPlace(key: KeyId): void {
    // It may have been read before a later reading failed, as a walk's before a round's: one more will tell.
    const { more } = this.#failedKeys;
    if (this.#failedKeys.delete(key)) {
      this.#count(NO_PAGE, 'moreFailed', this.#failedKeys.more - more);
      this.#settings.onEvent({ type: 'key-recovered', db: key.db, key: Buffer.from(key.key) });
      this.#readAgain(key);
    }
    if (this.#doubtful.length > 0) this.#doubtful.delete(this.#targetOf(key));
  }

  onWriteRefused(db: number, key: Buffer, error: RespError, page: number): void {
    const isLeft = kindOf(error) === 'exists' && this.#settings.onConflict === 'skip';
    if (!isLeft) return this.onReadRefused(db, key, error, page);
    if (this.#live !== undefined && !this.#left.add({ db, key }, undefined)) return;
    this.#skipped++;
    this.#count(page, 'skipped');
  }

  onTargetReplaced(peer: Peer): void {
    const message = `the target ${nameOf(peer)} was replaced, restarted or emptied; what it may have lost is copied once more`;
    this.warn('TARGET_REPLACED', message);
  }

  onMissing(peer: Peer, keys: readonly WrittenKey[], looked: number): void {
    const first = keys.slice(0, MISSING_NAMED).map(({ db, name }) => `"${name.toString()}" in db ${db}`);
    const names = [...first, ...(keys.length > MISSING_NAMED ? ['…'] : [])].join(', ');
    const what = `${formatCount(keys.length)} of ${countOf(looked, 'acknowledged key')}`;
    this.warn(
      'TARGET_KEYS_MISSING',
      `the target ${nameOf(peer)} lacks ${what} that were looked at (${names}): they were deleted there; rump check names all that is missing`,
    );
  }

  onUnsaid(peer: Peer, what: string, reply: ReplyError): void {
    const message = `the target ${nameOf(peer)} does not say ${what} (${reply.message}): it was not looked at`;
    this.warn('TARGET_UNSAID', message);
  }

  onUnwatched(peer: Peer): void {
    this.warn('TARGET_UNSAID', `no sentinel says whether the target ${nameOf(peer)} is the primary still`);
  }

  /** What a copy would bring. */
  count(types: readonly TypeFigures[]): void {
    this.#counted = types.reduce((sum, { keys }) => sum + keys, 0);
    this.#settings.onEvent({ type: 'dry-run', types });
  }

  /** The whole source was read and every reply is there. @throws RespError, where the source lost keys meanwhile */
  finish(): MigrateResult {
    this.flush();
    this.demandWhole();
    if (this.#repeated > 0) {
      const what = `SCAN gave ${countOf(this.#repeated, 'key')} twice, as the source changed; the target has them as first read`;
      this.warn('REPEATED', what);
    }
    this.end(this.#settled + this.#repeated + this.#counted + this.#removed === 0);
    if (this.#live !== undefined) {
      for (const [code, message] of this.#failedKeys.warnings) this.warn(code, message);
    }
    const figures = { ...this.#figures(), ...this.#afterCutover };
    this.#settings.onEvent({ type: 'done', ...figures });
    return figures;
  }

  protected override get failed(): number {
    return this.#failedKeys.length;
  }

  /** SCAN runs ahead of the writes, and a keyspace grows: the lesser of both shares, where the keys are known. */
  protected override get done(): number {
    const isWhole = this.#settings.scope.isAll && !this.#settings.dryRun;
    return Math.min(super.done, isWhole && this.expected > 0 ? this.#settled / this.expected : 1);
  }

  protected override tell(fraction: number): void {
    const live = this.#live?.();
    const figures = this.#figures();
    const { controls, onEvent } = this.#settings;
    controls.show(live?.phase ?? 'copying', {
      fraction,
      ...figures,
      behind: live?.behind,
      lag: live?.lag,
    });
    const paused = controls.pausing.isOn ? ({ paused: true } as const) : {};
    const wait = controls.limit.waitMs();
    const owed = wait >= LONG_WAIT_MS && wait < Infinity ? { owed: wait } : {};
    onEvent({ type: 'progress', fraction, ...figures, ...(live && { live }), ...paused, ...owed });
  }

  /** Keys whose fate is known. */
  get #settled(): number {
    const { expired, failed } = this.common;
    return this.#keys + this.#skipped + expired + failed;
  }

  #count(page: number, what: keyof Counts, number = 1): void {
    if (this.#countsOf !== undefined) this.#countsOf(page)[what] += number;
  }

  get #afterCutover(): Pick<MigrateResult, 'stragglers' | 'doubtful'> {
    return this.#live === undefined ? {} : { stragglers: this.#stragglers, doubtful: this.#doubtful.length };
  }

  #figures(): Figures {
    return {
      keys: this.#keys,
      bytes: this.#bytes,
      converted: this.#converted,
      skipped: this.#skipped,
      ...(this.#live && { removed: this.#removed }),
      ...this.common,
      ...(this.#isResumed ? { resumed: true } : {}),
    };
  }
}
