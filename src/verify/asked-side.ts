// The side that is asked: each key of the walked side, as it comes out of the channel, is read there by name and compared.

import { Channel } from '../flow/channel.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { SlotsHeldUp } from '../cluster/redirects.ts';
import type { NodeLinkOptions } from '../cluster/node-link.ts';
import { sizeOf, type Entry } from '../flow/entry.ts';
import type { EntryView } from '../flow/entry-view.ts';
import { Failure } from '../flow/failure.ts';
import { NO_PAGE, type KeyId } from '../flow/key-id.ts';
import { Settling } from '../flow/settling.ts';
import type { KeyView } from '../flow/key-queue.ts';
import { RespError } from '../../resp/errors.ts';
import { NotComparable, type Difference } from '../rdb/compare.ts';
import { depthFor } from '../server/transfer-limits.ts';
import { ExistenceReader, NAMES_OF_A_COMMAND } from '../keys/name-readers.ts';
import type { KeyReader } from '../keys/key-reader.ts';
import type { Session } from '../server/session.ts';
import type { LargeValues, ValueOptions } from '../source/large-values.ts';
import { Lookup, type AnswerSink } from '../source/lookup.ts';
import type { Target } from '../target/target.ts';
import type { Role } from '../server/server.ts';
import { Wakeup } from '../flow/wakeup.ts';
import { Missing, type Comparing } from './comparison.ts';
import { AskedKeys, type AskedKey } from './asked-keys.ts';

/** `walkedOnly`: only the side has it that the entries come from; `askedOnly`: only the other one; `gone`: neither any more. */
export type Result = 'match' | 'differ' | 'notComparable' | 'walkedOnly' | 'askedOnly' | 'gone';

export interface AskedSideOptions extends NodeLinkOptions {
  readonly dump: ValueOptions;
  /** Where this side has the key. */
  readonly askedDbOf: (db: number) => number;
  readonly askedNameOf: (key: Buffer) => Buffer;
  /** In place of these two, where there may be several such keys, or none: then it is left out. */
  readonly askedKeysOf?: ((db: number, key: Buffer) => readonly KeyId[]) | undefined;
  /** Entries that are compared; all where it is missing. */
  readonly wanted?: ((entry: Entry) => boolean) | undefined;
  /** It is asked only whether it has the key. */
  readonly byName?: boolean | undefined;
  /** Whether any key may have another name here. */
  readonly renames: boolean;
  /** Whether two values are seen to be the same where they lie; if they are not, `compare` tells. */
  readonly isSame: (walked: EntryView, asked: EntryView) => boolean;
  /** What differs; entries with `large` values take their time. @throws PayloadError */
  readonly compare: (walked: Entry, asked: Entry) => Difference | Promise<Comparing>;
  /** Which side the entries come from. */
  readonly walkedRole: Role;
}

export interface AskedSideSink {
  /** Nothing differs. The entry holds until the call returns. */
  onMatch(walked: EntryView): void;
  /** The entry is used again: copy what is kept. A payload of `null` means that the walked side had the key no more. */
  onResult(walked: Entry, result: Result, what?: string): void;
  onRefused(db: number, key: Buffer, error: RespError): void;
  onNotice(notice: SlotsHeldUp): void;
}

/** What a comparison comes to. */
export function resultOf(difference: Comparing, walkedRole: Role): [Result, string?] {
  if (difference === undefined) return ['match'];
  if (difference instanceof Missing) return [missingAt(difference, walkedRole)];
  return difference instanceof NotComparable ? ['notComparable', difference.what] : ['differ', difference];
}

function missingAt({ at }: Missing, walkedRole: Role): Result {
  if (at === 'both') return 'gone';
  return at === walkedRole ? 'askedOnly' : 'walkedOnly';
}

export class AskedSide implements Target {
  readonly #options: AskedSideOptions;
  readonly #sink: AskedSideSink;
  readonly #lookup: Lookup;
  readonly #failure = new Failure();
  readonly #moved = new Wakeup();
  readonly #asked: AskedKeys;
  /** Whether each entry is compared with the one key of its name. */
  readonly #isPlain: boolean;
  /** This side has no budget of its own: what it sends is compared at once and dropped. */
  readonly #room = new Channel({ maxEntries: Infinity, maxBytes: Infinity });
  #channel!: Channel;
  /** Large values that are being compared. */
  #comparing = 0;
  readonly #settling = new Settling();

  constructor(deployment: Deployment, options: AskedSideOptions, sink: AskedSideSink) {
    this.#options = options;
    this.#sink = sink;
    this.#asked = new AskedKeys(options.askedDbOf);
    this.#isPlain = !options.renames && options.askedKeysOf === undefined && options.wanted === undefined;
    this.#lookup = new Lookup(
      deployment,
      { ...options, newKeyReader: this.#newKeyReader.bind(this) },
      {
        onGone: (key) => this.#onGone(key),
        onRefused: (key, error) => this.#refuse(this.#asked.take(key), error),
        onMoved: () => this.#moved.wake(),
        onNotice: (notice) => sink.onNotice(notice),
        onFailed: (error) => this.#failure.fail(error),
      },
    );
  }

  async write(channel: Channel): Promise<void> {
    this.#channel = channel;
    this.#lookup.begin(this.#room);
    channel.handTo({ take: (entry) => this.#askWhereItLies(entry) });
    channel.onDeparture(this.#look);
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
      for (let entry = channel.head; entry !== undefined; entry = channel.head) {
        if (this.#askWhereItLies(entry)) channel.drop();
        else this.#take(channel);
      }
    }
    while (this.#asked.size + this.#comparing > 0) await this.#moved.sleep();
  }

  /** The way of nearly all entries. False where there is more to be seen to. */
  #askWhereItLies(entry: EntryView): boolean {
    const { byName, askedDbOf } = this.#options;
    if (!this.#isPlain || (entry.kind !== 'value' && byName !== true)) return false;
    const node = this.#lookup.readAt(askedDbOf(entry.db), entry.keyIn, entry.keyAt, entry.keyEnd);
    if (node === undefined) return false;
    this.#asked.addView(entry, node.id);
    this.#look();
    return true;
  }

  /** At the end of the turn: where nothing else is on its way, or nothing else has room, there is nothing to be waited for. */
  readonly #look = batched(() => {
    if (this.#channel.reserved <= 0 || this.#channel.isFull) this.#lookup.readNow();
  });

  #take(channel: Channel): void {
    const key = this.#asked.newKey();
    channel.take(key.entry);
    this.#begin(key);
  }

  #begin(key: AskedKey): void {
    const { askedDbOf, askedNameOf, askedKeysOf, wanted } = this.#options;
    const { entry } = key;
    if (wanted?.(entry) === false) return this.#done(key);
    if (askedKeysOf === undefined) return this.#ask(key, askedDbOf(entry.db), askedNameOf(entry.key));
    key.others = askedKeysOf(entry.db, entry.key);
    if (!this.#askNext(key)) this.#done(key);
  }

  #ask(key: AskedKey, db: number, name: Buffer): void {
    this.#asked.add(key, name);
    this.#lookup.read({ db, key: name, page: NO_PAGE, asking: false });
  }

  /** Whether there was another place to ask for it. */
  #askNext(key: AskedKey): boolean {
    const [next, ...others] = key.others;
    if (next === undefined) return false;
    key.others = others;
    this.#ask(key, next.db, next.key);
    return true;
  }

  #newKeyReader(session: Session, answers: AnswerSink, large: LargeValues): KeyReader {
    const onAnswered = batched((keys) => answers.onAnswered(keys));
    if (this.#options.byName === true) {
      const { connection, selection, server } = session;
      const most = server.info.cluster ? 1 : NAMES_OF_A_COMMAND;
      const depth = depthFor(server.roundTrip);
      const onThere = (key: KeyView): void => {
        onAnswered();
        this.#onThere(key);
      };
      return new ExistenceReader(connection, selection, { depth, most }, { ...answers, onThere });
    }
    const onDump = (found: EntryView): void => {
      onAnswered();
      this.#onDump(found);
    };
    return large.newKeyReader(session, this.#options.dump, { ...answers, onDump });
  }

  #onDump(found: EntryView): void {
    const { db, keyIn, keyAt, keyEnd, ownKey } = found;
    // Who asked with a Buffer waits for that.
    const walked = ownKey === undefined ? this.#asked.headFor(db, keyIn, keyAt, keyEnd) : undefined;
    if (walked !== undefined && this.#options.isSame(walked, found)) this.#match(walked);
    else this.#onFound(found.copy());
  }

  #onThere({ db, bytes, start, end, own }: KeyView): void {
    const walked = own === undefined ? this.#asked.headFor(db, bytes, start, end) : undefined;
    if (walked !== undefined) this.#match(walked);
    else this.#end(this.#asked.take({ db, key: own ?? bytes.slice(start, end) }), 'match');
  }

  /** The key that is next. */
  #match(walked: EntryView): void {
    this.#sink.onMatch(walked);
    this.#count(walked.page, walked.size);
    this.#asked.drop();
  }

  #onFound(found: Entry): void {
    const key = this.#asked.take(found);
    const { entry } = key;
    if (entry.kind === 'name' || entry.kind === 'gone') return this.#end(key, 'askedOnly');
    try {
      const difference = this.#options.compare(entry, found);
      if (difference instanceof Promise) void this.#await(key, difference);
      else this.#conclude(key, difference);
    } catch (error) {
      this.#refuse(key, error);
    }
  }

  async #await(key: AskedKey, comparing: Promise<Comparing>): Promise<void> {
    this.#comparing++;
    try {
      this.#conclude(key, await comparing);
    } catch (error) {
      this.#refuse(key, error);
    }
    this.#comparing--;
    this.#moved.wake();
  }

  /** A key that differs may be another one of those that it can be. */
  #conclude(key: AskedKey, difference: Comparing): void {
    if (difference !== undefined && this.#askNext(key)) return;
    this.#end(key, ...resultOf(difference, this.#options.walkedRole));
  }

  #onGone(asked: KeyId): void {
    const key = this.#asked.take(asked);
    if (this.#askNext(key)) return;
    const { payload, large } = key.entry;
    this.#end(key, payload === null && large === null ? 'gone' : 'walkedOnly');
  }

  #refuse(asked: AskedKey, error: unknown): void {
    const { db, key } = asked.entry;
    const { message } = error as Error;
    this.#sink.onRefused(db, key, error instanceof RespError ? error : new RespError('PAYLOAD', message));
    this.#done(asked);
  }

  #end(key: AskedKey, result: Result, what?: string): void {
    this.#sink.onResult(key.entry, result, what);
    this.#done(key);
  }

  #done(key: AskedKey): void {
    this.#count(key.entry.page, sizeOf(key.entry));
    this.#asked.reuse(key);
  }

  /** One settling for all the replies of a turn. */
  #count(page: number, bytes: number): void {
    if (this.#settling.entries === 0) queueMicrotask(() => this.#settle());
    this.#settling.add(page, bytes);
  }

  #settle(): void {
    this.#channel.settleAll(this.#settling);
    this.#settling.clear();
    this.#moved.wake();
  }
}

/** Makes one call with the count out of all the calls of a turn. */
function batched(call: (count: number) => void): () => void {
  let count = 0;
  const flush = (): void => {
    const counted = count;
    count = 0;
    call(counted);
  };
  return () => {
    if (count++ === 0) queueMicrotask(flush);
  };
}
