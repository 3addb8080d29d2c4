// Goes along with a source: asks the other side about each key that comes out of the channel, and says what it has found.

import { Channel } from '../flow/channel.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { NodeLinkOptions } from '../cluster/node-link.ts';
import { sizeOf, type Entry } from '../flow/entry.ts';
import { Failure } from '../flow/failure.ts';
import { RespError } from '../../resp/errors.ts';
import { NotComparable, type Difference } from '../rdb/compare.ts';
import { depthFor } from '../server/transfer-limits.ts';
import { ExistenceReader, NAMES_OF_A_COMMAND } from '../keys/name-readers.ts';
import type { KeyReader } from '../keys/key-reader.ts';
import type { Session } from '../server/session.ts';
import type { LargeValues, ValueOptions } from '../source/large-values.ts';
import { Lookup, type AnswerSink, type LookupOptions } from '../source/lookup.ts';
import type { Target } from '../target/target.ts';
import type { Role } from '../server/server.ts';
import { Wakeup } from '../flow/wakeup.ts';
import { Missing, type Comparing } from './comparison.ts';
import { AskedKeys, type Place, type Step } from './asked-keys.ts';

/** `walked` is the side that the entries come from. `gone`: neither side has the key any more. */
export type Result = 'match' | 'differ' | 'notComparable' | 'walkedOnly' | 'otherOnly' | 'gone';

export interface CompareWalkOptions extends NodeLinkOptions {
  readonly dump: ValueOptions;
  /** Where the other side has the key. */
  readonly otherDbOf: (db: number) => number;
  readonly otherNameOf: (key: Buffer) => Buffer;
  /** In place of these two, where there may be several such places, or none: then the key is none of ours. */
  readonly placesOf?: ((db: number, key: Buffer) => readonly Place[]) | undefined;
  /** Entries that are to be looked at; all where it is missing. */
  readonly wanted?: ((entry: Entry) => boolean) | undefined;
  /** The other side is asked only whether it has the key. */
  readonly isForNames?: boolean | undefined;
  /** What differs; entries with `large` values take their time. @throws PayloadError */
  readonly compare: (walked: Entry, other: Entry) => Difference | Promise<Comparing>;
  /** Which side the entries come from. */
  readonly walkedRole: Role;
}

export interface CompareWalkSink {
  /** The entry is used again: copy what is kept. A payload of `null` means that the walked side had the key no more. */
  onResult(walked: Entry, result: Result, what?: string): void;
  onRefused(db: number, key: Buffer, error: RespError): void;
}

/** What a comparison comes to. */
export function resultOf(difference: Comparing, walkedRole: Role): [Result, string?] {
  if (difference === undefined) return ['match'];
  if (difference instanceof Missing) return [missingAt(difference, walkedRole)];
  return difference instanceof NotComparable ? ['notComparable', difference.what] : ['differ', difference];
}

function missingAt({ at }: Missing, walkedRole: Role): Result {
  if (at === 'both') return 'gone';
  return at === walkedRole ? 'otherOnly' : 'walkedOnly';
}

export class CompareWalk implements Target {
  readonly #options: CompareWalkOptions;
  readonly #sink: CompareWalkSink;
  readonly #lookup: Lookup;
  readonly #failure = new Failure();
  readonly #moved = new Wakeup();
  readonly #steps = new AskedKeys();
  /** The other side has no budget of its own: what it sends is compared at once and dropped. */
  readonly #room = new Channel({ maxEntries: Infinity, maxBytes: Infinity });
  #channel!: Channel;
  /** Large values that are being compared. */
  #weighed = 0;
  #settledKeys = 0;
  #settledBytes = 0;

  constructor(other: Deployment, options: CompareWalkOptions, sink: CompareWalkSink) {
    this.#options = options;
    this.#sink = sink;
    const newKeyReader: LookupOptions['newKeyReader'] = (session, answers, large) =>
      this.#newKeyReader(session, answers, large);
    this.#lookup = new Lookup(
      other,
      { ...options, newKeyReader },
      {
        onGone: (_, key) => this.#onGone(key),
        onRefused: (_, key, error) => this.#fail(key, error),
        onMoved: () => this.#moved.wake(),
        onFailed: (error) => this.#failure.fail(error),
      },
    );
  }

  async write(channel: Channel): Promise<void> {
    this.#channel = channel;
    this.#lookup.begin(this.#room);
    try {
      await Promise.race([this.#takeAll(channel), this.#failure.promise]);
      this.#lookup.finish();
    } catch (error) {
      channel.abort(error);
      this.#lookup.stop(error as Error);
      throw error;
    }
  }

  async #takeAll(channel: Channel): Promise<void> {
    while (await channel.readable()) {
      let step = this.#steps.newStep();
      for (; channel.take(step.entry); step = this.#steps.newStep()) this.#begin(step);
      this.#steps.reuse(step);
    }
    while (this.#steps.size + this.#weighed > 0) await this.#moved.sleep();
  }

  #begin(step: Step): void {
    const { otherDbOf, otherNameOf, placesOf, wanted } = this.#options;
    const { entry } = step;
    if (wanted?.(entry) === false) return this.#done(step);
    if (placesOf === undefined) return this.#ask(step, otherDbOf(entry.db), otherNameOf(entry.key));
    const [first, ...others] = placesOf(entry.db, entry.key);
    if (first === undefined) return this.#done(step);
    step.places = others;
    this.#ask(step, first.db, first.key);
  }

  #ask(step: Step, db: number, key: Buffer): void {
    this.#steps.add(step, key);
    this.#lookup.read({ db, key, asking: false });
  }

  #newKeyReader(session: Session, answers: AnswerSink, large: LargeValues): KeyReader {
    if (this.#options.isForNames === true) {
      const { connection, selection, server } = session;
      const most = server.info.cluster ? 1 : NAMES_OF_A_COMMAND;
      const depth = depthFor(server.roundTrip);
      return new ExistenceReader(
        connection,
        selection,
        { depth, most },
        { ...answers, onThere: this.#onThere(answers) },
      );
    }
    const onDump = (other: Entry): void => {
      answers.onAnswered();
      this.#onFound(other);
    };
    return large.newKeyReader(session, this.#options.dump, { ...answers, onDump });
  }

  #onFound(other: Entry): void {
    const step = this.#steps.take(other.key);
    const { entry } = step;
    if (entry.payload === null && entry.large === null) return this.#end(step, 'otherOnly');
    try {
      const what = this.#options.compare(entry, other);
      if (what instanceof Promise) void this.#wait(step, what);
      else if (what !== undefined && this.#tryNext(step)) return;
      else this.#end(step, ...resultOf(what, this.#options.walkedRole));
    } catch (error) {
      this.#refuse(step, error);
    }
  }

  #onThere(answers: AnswerSink): (db: number, key: Buffer) => void {
    return (_, key) => {
      answers.onAnswered();
      this.#end(this.#steps.take(key), 'match');
    };
  }

  async #wait(step: Step, comparing: Promise<Comparing>): Promise<void> {
    this.#weighed++;
    try {
      const what = await comparing;
      if (what === undefined || !this.#tryNext(step)) this.#end(step, ...resultOf(what, this.#options.walkedRole));
    } catch (error) {
      this.#refuse(step, error);
    }
    this.#weighed--;
    this.#moved.wake();
  }

  #onGone(key: Buffer): void {
    const step = this.#steps.take(key);
    if (this.#tryNext(step)) return;
    const { payload, large } = step.entry;
    this.#end(step, payload === null && large === null ? 'gone' : 'walkedOnly');
  }

  #fail(key: Buffer, error: RespError): void {
    this.#refuse(this.#steps.take(key), error);
  }

  #refuse(step: Step, error: unknown): void {
    const { db, key } = step.entry;
    const { message } = error as Error;
    this.#sink.onRefused(db, key, error instanceof RespError ? error : new RespError('PAYLOAD', message));
    this.#done(step);
  }

  #tryNext(step: Step): boolean {
    const [next, ...others] = step.places;
    if (next === undefined) return false;
    step.places = others;
    this.#ask(step, next.db, next.key);
    return true;
  }

  #end(step: Step, result: Result, what?: string): void {
    this.#sink.onResult(step.entry, result, what);
    this.#done(step);
  }

  /** One settling for all the replies of a turn. */
  #done(step: Step): void {
    const { entry } = step;
    if (this.#settledKeys++ === 0) queueMicrotask(() => this.#settle());
    this.#settledBytes += sizeOf(entry);
    this.#steps.reuse(step);
  }

  #settle(): void {
    const [keys, bytes] = [this.#settledKeys, this.#settledBytes];
    this.#settledKeys = 0;
    this.#settledBytes = 0;
    this.#channel.settle(keys, bytes);
    this.#moved.wake();
  }
}
