// The figures of a run, counted from replies, and the events that tell of them: what a copy and a check have in common, and what
// a copy counts.

import { nameOf, RespError, type Peer, type ReplyError } from '../../resp/errors.ts';
import { countOf, formatCount } from '../../resp/figures.ts';
import { kindOf } from '../server/refusal.ts';
import type { Reconnect } from '../server/retry.ts';
import type { CheckpointFigures, FailedKeysState } from '../checkpoint/checkpoint.ts';
import type { KeyId } from '../flow/key-id.ts';
import { KeyList } from '../flow/key-list.ts';
import type { SourceNotice, SourceSink } from '../source/source.ts';
import type { WrittenKey } from '../target/target-process.ts';
import type { TargetSink } from '../target/target.ts';
import { FailedKeys } from './failed-keys.ts';
import type { CommonEvent, Figures, LiveProgress, MigrateResult, StartEvent, TypeFigures } from './options.ts';
import type { Settings } from './settings.ts';
import { nothingOf, noticeText, type Warning } from './warnings.ts';

/** Keys of one `batch` event. */
const BATCH_KEYS = 1000;
/** Milliseconds between two events of progress. */
const INTERVAL_MS = 100;
/** Keys that may be the target's own, by name. */
const DOUBTFUL_NAMED = 20;
/** Names of keys that the target lacks in one warning. */
const MISSING_NAMED = 5;

type CommonFigures = Pick<Figures, 'expired' | 'failed' | 'reconnects' | 'elapsed'>;

/** What a copy and a check have in common to tell: how they begin, how far they are, what happens to the source, how they end. */
export abstract class RunProgress implements Pick<SourceSink, 'onExpired' | 'onReadRefused' | 'onShrunk' | 'onNotice'> {
  readonly #onEvent: (event: CommonEvent) => void;
  #start = performance.now();
  #fraction: () => number = () => 0;
  #timer: NodeJS.Timeout | undefined;
  /** Why the run fails, though it came to its end. */
  #shrunk: RespError | undefined;
  #expired = 0;
  #failed = 0;
  #reconnects = 0;
  /** Keys that no `batch` event has told of yet. */
  #untold = 0;
  /** Keys of the source at the start. */
  #expected = 0;

  constructor(onEvent: (event: CommonEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** @param fraction how much was walked, 0 to 1 */
  start(event: StartEvent, warnings: readonly Warning[], fraction: () => number): void {
    this.#onEvent(event);
    for (const { code, message } of warnings) this.warn(code, message);
    this.#fraction = fraction;
    this.#expected = event.source.keys;
    this.#timer = setInterval(() => this.tell(this.done), INTERVAL_MS);
  }

  onReconnect(reconnect: Reconnect): void {
    this.#reconnects++;
    this.#onEvent({ type: 'reconnect', ...reconnect });
  }

  onExpired(): void {
    this.#expired++;
  }

  onReadRefused(db: number, key: Buffer, { code, message: reason }: RespError): void {
    this.#failed++;
    this.#onEvent({ type: 'key-failed', db, key, code, reason });
  }

  onShrunk(error: RespError): void {
    this.#shrunk ??= error;
  }

  onNotice(notice: SourceNotice): void {
    this.warn(notice.code, noticeText(notice));
  }

  warn(code: string, message: string): void {
    this.#onEvent({ type: 'warning', code, message });
  }

  /** The run ended before its time: the last figures are told once more. */
  stop(): void {
    clearInterval(this.#timer);
    this.tell(this.done);
  }

  /** The last keys make a batch of their own. */
  flush(): void {
    if (this.#untold > 0) this.#tellBatch(this.#untold);
  }

  /** The figures as they are. */
  protected abstract tell(fraction: number): void;

  /** 0 to 1. */
  protected get done(): number {
    return this.#fraction();
  }

  protected get expected(): number {
    return this.#expected;
  }

  protected get common(): CommonFigures {
    const elapsed = performance.now() - this.#start;
    return { expired: this.#expired, failed: this.failed, reconnects: this.#reconnects, elapsed };
  }

  /** Keys that have failed, and have not fared better since. */
  protected get failed(): number {
    return this.#failed;
  }

  /** An earlier part counts as well. */
  protected goOnFrom({ expired, reconnects, elapsed }: Omit<CommonFigures, 'failed'>): void {
    this.#start -= elapsed;
    this.#expired += expired;
    this.#reconnects += reconnects;
  }

  protected countKeys(keys: number): void {
    this.#untold += keys;
    while (this.#untold >= BATCH_KEYS) this.#tellBatch(BATCH_KEYS);
  }

  /** @throws RespError, where the source lost keys meanwhile */
  protected demandWhole(): void {
    if (this.#shrunk === undefined) return;
    this.stop();
    throw this.#shrunk;
  }

  /** Everything was read. @param isEmpty whether no key was met at all */
  protected end(isEmpty: boolean): void {
    clearInterval(this.#timer);
    this.tell(1);
    if (isEmpty) this.warn('NOTHING_IN_SCOPE', nothingOf(this.#expected));
  }

  #tellBatch(keys: number): void {
    this.#untold -= keys;
    this.#onEvent({ type: 'batch', keys });
  }
}

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

  /** Called with the first key's error, where one is enough. */
  onFirstFailure: (error: RespError) => void = () => {};

  constructor(settings: Settings) {
    super(settings.onEvent);
    this.#settings = settings;
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
  }

  /** What a later run goes on from. */
  get kept(): CheckpointFigures {
    const { expired, reconnects, elapsed } = this.common;
    const [keys, bytes, converted, skipped] = [this.#keys, this.#bytes, this.#converted, this.#skipped];
    return { keys, bytes, converted, skipped, expired, repeated: this.#repeated, reconnects, elapsed };
  }

  /** Keys that have failed, as far as names are kept, and each time more of them. */
  get failedKeys(): Iterable<readonly KeyId[]> {
    return this.#failedKeys.growing;
  }

  get keptFailed(): FailedKeysState {
    return this.#failedKeys.state;
  }

  onWritten(keys: number, bytes: number): void {
    this.#keys += keys;
    this.#bytes += bytes;
    this.countKeys(keys);
  }

  onRemoved(keys: number): void {
    this.#removed += keys;
    this.countKeys(keys);
  }

  onConverted(): void {
    this.#converted++;
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

  onGone(): void {
    this.onExpired();
  }

  onRepeated(): void {
    this.#repeated++;
  }

  override onReadRefused(db: number, key: Buffer, error: RespError): void {
    // It has failed in this run before, and is one key.
    if (!this.#failedKeys.add({ db, key }, error.message)) return;
    super.onReadRefused(db, key, error);
    const message = `Stopped at the first key that failed: ${error.message}`;
    if (this.failed === 1) this.onFirstFailure(new RespError(error.code, message, { cause: error }));
  }

  onInPlace(key: KeyId): void {
    // It may have been read before a later reading failed, as a walk's before a round's: one more will tell.
    if (this.#failedKeys.delete(key)) this.#readAgain(key);
    if (this.#doubtful.length > 0) this.#doubtful.delete(this.#targetOf(key));
  }

  onWriteRefused(db: number, key: Buffer, error: RespError): void {
    const isLeft = kindOf(error) === 'exists' && this.#settings.onConflict === 'skip';
    if (!isLeft) this.onReadRefused(db, key, error);
    else if (this.#live === undefined || this.#left.add({ db, key }, undefined)) this.#skipped++;
  }

  onTargetReplaced(peer: Peer): void {
    const message = `the target ${nameOf(peer)} was replaced or restarted; what it may have lost is copied once more`;
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
    this.#settings.controls.show(live?.phase ?? 'copying', {
      fraction,
      ...figures,
      behind: live?.behind,
      lag: live?.lag,
    });
    this.#settings.onEvent({ type: 'progress', fraction, ...figures, ...(live && { live }) });
  }

  /** Keys whose fate is known. */
  get #settled(): number {
    const { expired, failed } = this.common;
    return this.#keys + this.#skipped + expired + failed;
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
