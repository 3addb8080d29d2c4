// The figures of a run, counted from replies, and the events that tell of them. It decides only what counts as what.

import { countOf, formatCount } from '../../resp/figures.ts';
import { nameOf, RespError, type Peer, type ReplyError } from '../../resp/errors.ts';
import { kindOf } from '../server/refusal.ts';
import type { Reconnect } from '../server/retry.ts';
import type { LeftOutKind } from '../snapshot/left-out.ts';
import type { SourceSink } from '../source/source.ts';
import type { TargetSink } from '../target/target.ts';
import type { WrittenKey } from '../target/written-sample.ts';
import type { Figures, StartEvent, TypeFigures } from './options.ts';
import type { Warning } from './preflight.ts';
import type { Settings } from './settings.ts';

/** Keys of one `batch` event. */
const BATCH_KEYS = 1000;
/** Names of keys that the target lacks in one warning. */
const MISSING_NAMED = 5;
/** Milliseconds between two `progress` events. */
const INTERVAL_MS = 100;
/** What is said of the parts of a file that are not carried. */
const LEFT_OUT: Readonly<Record<LeftOutKind, (names: string, count: number) => string>> = {
  databases: leftOutOfFile,
  functions: (names) => `the snapshot has functions (${names}), which a copy leaves out`,
  modules: (names) => `the snapshot has data that modules keep beside keys (${names}), which a copy leaves out`,
  slots: (names) =>
    `slots were moving to the server when the snapshot was taken (${names}): their keys may be incomplete`,
  metadata: (names, count) =>
    `modules have attached metadata to keys of the snapshot (${formatCount(count)}: ${names}), which a copy leaves out`,
  expiries: (names, count) =>
    `members of keys of the snapshot expire, as only KeyDB has it (${formatCount(count)}: ${names}): these expiries are left out`,
  empty: (names, count) =>
    `collections of the snapshot are empty (${formatCount(count)}: ${names}): servers drop them, as a copy does`,
  mark: (names) => `${names} bytes follow the end of the snapshot, which hold no keys`,
};

/** What is said of a file that has keys in databases that nobody asked for. */
export function leftOutOfFile(numbers: string): string {
  return `the file has keys in other databases as well (${numbers}), which are left out; --db all takes every database`;
}

/** What is said of a pipe that is slow. */
export function silenceText(ms: number): string {
  return `nothing has come through stdin for ${ms / 1000} s; it is waited for until it ends`;
}

/** What is said of a stream of another tool. */
export function unmarkedText(name: string): string {
  return `${name} does not say where it begins and ends, as streams of rump do: whether it is whole cannot be told`;
}

/** What is said of a server that is not what it was when its scan began. */
export function walkedAnewText(peer: Peer): string {
  return `${nameOf(peer)} was replaced, or holds other data than when its scan began: it is scanned once more`;
}

/** What is said of a proxy that has several servers behind it. */
export function manyServersText(peer: Peer): string {
  return `${nameOf(peer)} names another server each time it is asked: it was scanned once, and whether it gave every key cannot be told`;
}

/** What is said of a node whose slots cannot be watched. */
export function slotsUnwatched(peer: Peer): string {
  return `${nameOf(peer)} does not say which slots it holds: each key is read where it is found, once; a slot that moves meanwhile may be missed`;
}

export class Progress implements SourceSink, TargetSink {
  readonly #settings: Settings;
  readonly #start = performance.now();
  #fraction: () => number = () => 0;
  /** Why the run fails, though it came to its end. */
  #shrunk: RespError | undefined;
  #timer: NodeJS.Timeout | undefined;
  #keys = 0;
  #bytes = 0;
  #converted = 0;
  #skipped = 0;
  #expired = 0;
  #failed = 0;
  #reconnects = 0;
  #repeated = 0;
  /** Keys of the source at the start. */
  #expected = 0;
  /** Keys that a dry run has found. */
  #counted = 0;
  /** Keys that `batch` events have told of. */
  #told = 0;

  /** Called with the first key's error, where one is enough. */
  onFirstFailure: (error: RespError) => void = () => {};

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** @param fraction how much of the source was walked, 0 to 1 */
  start(event: StartEvent, warnings: readonly Warning[], fraction: () => number): void {
    const { onEvent } = this.#settings;
    onEvent(event);
    for (const warning of warnings) onEvent({ type: 'warning', ...warning });
    this.#fraction = fraction;
    this.#expected = event.source.keys;
    this.#timer = setInterval(() => this.#tell(this.#done()), INTERVAL_MS);
  }

  onWritten(keys: number, bytes: number): void {
    this.#keys += keys;
    this.#bytes += bytes;
    while (this.#keys - this.#told >= BATCH_KEYS) this.#tellBatch(BATCH_KEYS);
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

  onReconnect(reconnect: Reconnect): void {
    this.#reconnects++;
    this.#settings.onEvent({ type: 'reconnect', ...reconnect });
  }

  onSlotsMoved(slots: number): void {
    this.#warn(
      'SLOTS_MOVED',
      `slots of the source have moved (${formatCount(slots)}); they are read once more where they are now`,
    );
  }

  onSlotsUnwatched(peer: Peer): void {
    this.#warn('SLOTS_UNWATCHED', slotsUnwatched(peer));
  }

  onWalkedAnew(peer: Peer): void {
    this.#warn('SCANNED_ANEW', walkedAnewText(peer));
  }

  onShrunk(error: RespError): void {
    this.#shrunk ??= error;
  }

  onManyServers(peer: Peer): void {
    this.#warn('MANY_SERVERS', manyServersText(peer));
  }

  onLeftOut(what: LeftOutKind, names: readonly string[], count: number): void {
    this.#warn('LEFT_OUT', LEFT_OUT[what](names.join(', '), count));
  }

  onUnchecked(): void {
    this.#warn('UNCHECKED', 'the snapshot has no checksum (rdbchecksum no): whether it is damaged cannot be told');
  }

  onSilence(ms: number): void {
    this.#warn('SILENCE', silenceText(ms));
  }

  onUnmarked(name: string): void {
    this.#warn('UNMARKED', unmarkedText(name));
  }

  onTargetReplaced(peer: Peer): void {
    const message = `the target ${nameOf(peer)} was replaced or restarted; what it may have lost is copied once more`;
    this.#warn('TARGET_REPLACED', message);
  }

  onMissing(peer: Peer, keys: readonly WrittenKey[], looked: number): void {
    const first = keys.slice(0, MISSING_NAMED).map(({ db, name }) => `"${name.toString()}" in db ${db}`);
    const names = [...first, ...(keys.length > MISSING_NAMED ? ['…'] : [])].join(', ');
    const what = `${formatCount(keys.length)} of ${countOf(looked, 'acknowledged key')}`;
    this.#warn(
      'TARGET_KEYS_MISSING',
      `the target ${nameOf(peer)} lacks ${what} that were looked at (${names}): they were deleted there; rump check names all that is missing`,
    );
  }

  onUnsaid(peer: Peer, what: string, reply: ReplyError): void {
    this.#warn(
      'TARGET_UNSAID',
      `the target ${nameOf(peer)} does not say ${what} (${reply.message}): it was not looked at`,
    );
  }

  /** What a copy would bring. */
  count(types: readonly TypeFigures[]): void {
    this.#counted = types.reduce((sum, { keys }) => sum + keys, 0);
    this.#settings.onEvent({ type: 'dry-run', types });
  }

  /** The copy ended before its time: the last figures are told once more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#tell(this.#done());
  }

  /** The whole source was read and every reply is there. @throws RespError, where the source lost keys meanwhile */
  finish(): Figures {
    clearInterval(this.#timer);
    if (this.#keys > this.#told) this.#tellBatch(this.#keys - this.#told);
    if (this.#shrunk !== undefined) {
      this.stop();
      throw this.#shrunk;
    }
    if (this.#repeated > 0) {
      const what = `SCAN gave ${countOf(this.#repeated, 'key')} twice, as the source changed; the target has them as first read`;
      this.#warn('REPEATED', what);
    }
    this.#tell(1);
    if (this.#settled + this.#repeated + this.#counted === 0) this.#warn('NOTHING_IN_SCOPE', nothingOf(this.#expected));
    const figures = this.#figures();
    this.#settings.onEvent({ type: 'done', ...figures });
    return figures;
  }

  /** SCAN runs ahead of the writes, and a keyspace grows: the lesser of both shares, where the keys are known. */
  #done(): number {
    return Math.min(this.#fraction(), this.#isWhole && this.#expected > 0 ? this.#settled / this.#expected : 1);
  }

  /** Keys whose fate is known. */
  get #settled(): number {
    return this.#keys + this.#skipped + this.#expired + this.#failed;
  }

  /** Whether all keys of the source are copied. */
  get #isWhole(): boolean {
    return this.#settings.scope.isAll && !this.#settings.dryRun;
  }

  #figures(): Figures {
    return {
      keys: this.#keys,
      bytes: this.#bytes,
      converted: this.#converted,
      skipped: this.#skipped,
      expired: this.#expired,
      failed: this.#failed,
      reconnects: this.#reconnects,
      elapsed: performance.now() - this.#start,
    };
  }

  #tell(fraction: number): void {
    this.#settings.onEvent({ type: 'progress', fraction, ...this.#figures() });
  }

  /** The last keys make a batch of their own. */
  #tellBatch(keys: number): void {
    this.#told += keys;
    this.#settings.onEvent({ type: 'batch', keys });
  }

  #warn(code: string, message: string): void {
    this.#settings.onEvent({ type: 'warning', code, message });
  }

  #fail(db: number, key: Buffer, error: RespError): void {
    this.#failed++;
    this.#settings.onEvent({ type: 'key-failed', db, key, code: error.code, reason: error.message });
    const message = `Stopped at the first key that failed: ${error.message}`;
    if (this.#failed === 1) this.onFirstFailure(new RespError(error.code, message, { cause: error }));
  }
}

/** @param keys of the source at the start, as far as they are known */
export function nothingOf(keys: number): string {
  if (keys === 0) return 'the source has no keys where they were looked for: look at its databases, and at --db';
  return `nothing is in scope: none of the ${formatCount(keys)} keys of the source goes with --match, --exclude and --type`;
}
