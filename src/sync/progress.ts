// The figures of a copy, counted from replies, and the events that tell of them. It decides only what counts as what.

import { countOf, formatCount } from '../../resp/figures.ts';
import { nameOf, RespError, type Peer, type ReplyError } from '../../resp/errors.ts';
import { kindOf } from '../server/refusal.ts';
import type { SourceSink } from '../source/source.ts';
import type { TargetSink } from '../target/target.ts';
import type { WrittenKey } from '../target/target-process.ts';
import type { Figures, TypeFigures } from './options.ts';
import { RunProgress } from './run-progress.ts';
import type { Settings } from './settings.ts';

/** Names of keys that the target lacks in one warning. */
const MISSING_NAMED = 5;

export class Progress extends RunProgress implements SourceSink, TargetSink {
  readonly #settings: Settings;
  #keys = 0;
  #bytes = 0;
  #converted = 0;
  #skipped = 0;
  #expired = 0;
  #failed = 0;
  #repeated = 0;
  /** Keys that a dry run has found. */
  #counted = 0;

  /** Called with the first key's error, where one is enough. */
  onFirstFailure: (error: RespError) => void = () => {};

  constructor(settings: Settings) {
    super(settings.onEvent);
    this.#settings = settings;
  }

  onWritten(keys: number, bytes: number): void {
    this.#keys += keys;
    this.#bytes += bytes;
    this.countKeys(keys);
  }

  onConverted(): void {
    this.#converted++;
  }

  onGone(): void {
    this.#expired++;
  }

  onExpired(): void {
    this.#expired++;
  }

  onRepeated(): void {
    this.#repeated++;
  }

  onReadRefused(db: number, key: Buffer, error: RespError): void {
    this.#fail(db, key, error);
  }

  onWriteRefused(db: number, key: Buffer, error: RespError): void {
    if (kindOf(error) === 'exists' && this.#settings.onConflict === 'skip') this.#skipped++;
    else this.#fail(db, key, error);
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
  finish(): Figures {
    this.flush();
    this.demandWhole();
    if (this.#repeated > 0) {
      const what = `SCAN gave ${countOf(this.#repeated, 'key')} twice, as the source changed; the target has them as first read`;
      this.warn('REPEATED', what);
    }
    this.end(this.#settled + this.#repeated + this.#counted === 0);
    const figures = this.#figures();
    this.#settings.onEvent({ type: 'done', ...figures });
    return figures;
  }

  /** SCAN runs ahead of the writes, and a keyspace grows: the lesser of both shares, where the keys are known. */
  protected override get done(): number {
    const isWhole = this.#settings.scope.isAll && !this.#settings.dryRun;
    return Math.min(super.done, isWhole && this.expected > 0 ? this.#settled / this.expected : 1);
  }

  protected override tell(fraction: number): void {
    this.#settings.onEvent({ type: 'progress', fraction, ...this.#figures() });
  }

  /** Keys whose fate is known. */
  get #settled(): number {
    return this.#keys + this.#skipped + this.#expired + this.#failed;
  }

  #figures(): Figures {
    return {
      keys: this.#keys,
      bytes: this.#bytes,
      converted: this.#converted,
      skipped: this.#skipped,
      expired: this.#expired,
      failed: this.#failed,
      ...this.common,
    };
  }

  #fail(db: number, key: Buffer, error: RespError): void {
    this.#failed++;
    this.tellFailed(db, key, error);
    const message = `Stopped at the first key that failed: ${error.message}`;
    if (this.#failed === 1) this.onFirstFailure(new RespError(error.code, message, { cause: error }));
  }
}
