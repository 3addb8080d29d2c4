// Makes entries of the keys of a snapshot, as far as they are in scope, and puts them into the channel: in runs, where nobody has
// to look at them one by one.

import { Buffer } from 'node:buffer';
import { BY_REFERENCE, Bytes, NO_BYTES } from '../../resp/bytes.ts';
import type { Channel } from '../flow/channel.ts';
import { EntryRun, MOST_ENTRIES } from '../flow/entry-run.ts';
import { EntryView } from '../flow/entry-view.ts';
import { NO_PAGE } from '../flow/key-id.ts';
import { isModuleName, mayBeOfType, typeNameOf } from '../rdb/modules.ts';
import { NEVER, plus } from '../rdb/milliseconds.ts';
import { PayloadError } from '../rdb/payload.ts';
import type { Found, Payloads, SnapshotReader } from '../snapshot/snapshot-reader.ts';
import type { FileScope } from './file-source.ts';
import type { FileSink } from './source.ts';

/** Of one run. */
const PAYLOAD_BYTES = 4 * BY_REFERENCE;

export interface SnapshotEntriesSink extends Pick<FileSink, 'onExpired' | 'onReadRefused'> {
  /** A key in scope whose value has to be read elsewhere, `key` holds until the call returns; only of what comes once. */
  onPassedOver?(db: number, key: Buffer): void;
  /** So many more keys of the databases in scope were met. */
  onKeys?(keys: number): void;
  /** An entry is about to go into the channel. */
  onRead?(entry: EntryView): void;
  onReadAll?(entries: EntryRun): void;
}

export interface SnapshotClock {
  /** What the clock shows by which the keys expire, in milliseconds. */
  readonly now: () => number;
  /** Whether `expireAt` is to be told by the clock of this machine that never jumps. */
  readonly isRelative: boolean;
}

const OWN_CLOCK: SnapshotClock = { now: () => Date.now(), isRelative: false };

export class SnapshotEntries implements Payloads {
  readonly #scope: FileScope;
  readonly #sink: SnapshotEntriesSink;
  readonly #demandRunning: () => void;
  readonly #clock: SnapshotClock;
  /** The one that is being read, where it lies. */
  readonly #entry = new EntryView();
  /** Those that were read before it, and that the channel has places for; their payloads are in `bytes`. */
  readonly #run = new EntryRun();
  readonly bytes = new Bytes(Buffer.allocUnsafeSlow(PAYLOAD_BYTES));
  #end = 0;
  /** Keys that were met since the last `read`. */
  #met = 0;
  #channel: Channel | undefined;
  /** When `read` was called, by the clock of the expiries, and by the one of this machine that never jumps. */
  #now = 0;
  #instant = 0;

  /**
   * @param demandRunning called for each key; throws to end it
   * @param page that the entries belong to
   */
  constructor(
    scope: FileScope,
    sink: SnapshotEntriesSink,
    demandRunning: () => void,
    { clock = OWN_CLOCK, page = NO_PAGE }: { readonly clock?: SnapshotClock; readonly page?: number } = {},
  ) {
    this.#scope = scope;
    this.#sink = sink;
    this.#demandRunning = demandRunning;
    this.#clock = clock;
    this.#entry.page = page;
  }

  /**
   * Pushes what there is room for, up to the key that passes byte `end`. `key`: there may be more.
   * @throws PayloadError; what was whole before is pushed
   */
  read(snapshot: SnapshotReader, channel: Channel, end: number): Found {
    const entry = this.#entry;
    this.#channel = channel;
    this.#now = this.#clock.now();
    this.#instant = performance.now();
    try {
      while (channel.passage > 0 && snapshot.at < end) {
        this.#demandRunning();
        const found = snapshot.next(entry);
        if (found !== 'key') return found;
        this.#put(snapshot, channel);
      }
      return 'key';
    } finally {
      // What it shows need not be there any more next time.
      this.#flush();
      this.#sink.onKeys?.(this.#met);
      this.#met = 0;
    }
  }

  reserve(length: number): number {
    if (this.#end + length > PAYLOAD_BYTES) this.#flush();
    const at = this.#end;
    this.#end = at + length;
    return at;
  }

  #put(snapshot: SnapshotReader, channel: Channel): void {
    const entry = this.#entry;
    const scope = this.#scope;
    const isAll = scope.takes(entry);
    if (isAll || scope.takesFrom(entry.db)) this.#met++;
    if (!(isAll || this.#isWanted(snapshot)) || !this.#isThere()) return;
    if (snapshot.isPassedOver) return this.#sink.onPassedOver?.(entry.db, entry.key);
    const { refusal } = snapshot;
    if (refusal !== undefined) return this.#sink.onReadRefused(entry.db, entry.key, refusal);
    if (!snapshot.take(entry, this) || !this.#isOfModule(snapshot) || (scope.changesValues && !this.#carries())) return;
    channel.reserve();
    const run = this.#run;
    if (run.length > 0 && run.length < MOST_ENTRIES && run.suits(entry)) this.#add();
    else this.#pushNext(channel);
  }

  #add(): void {
    const { keyAt, keyEnd, payloadAt, payloadEnd, expireAt } = this.#entry;
    this.#run.add(keyAt, keyEnd, payloadAt, payloadEnd, Number(expireAt));
  }

  /** Ends the run, and begins another one with the entry, if it can be in any, and a run would not wait as single entries. */
  #pushNext(channel: Channel): void {
    const entry = this.#entry;
    const run = this.#run;
    const end = this.#end;
    this.#flush();
    run.begin(entry.db, entry.page, entry.keyIn, this.bytes);
    if (channel.length > 0 || !run.suits(entry)) {
      this.#sink.onRead?.(entry);
      return channel.pushReserved(entry);
    }
    this.#end = end;
    this.#add();
  }

  #flush(): void {
    const run = this.#run;
    if (run.length > 0) {
      this.#sink.onReadAll?.(run);
      this.#channel!.pushRun(run);
    }
    run.begin(0, NO_PAGE, NO_BYTES, NO_BYTES);
    this.#end = 0;
  }

  #isWanted({ type }: SnapshotReader): boolean {
    const scope = this.#scope;
    const { db, keyIn, keyAt, keyEnd } = this.#entry;
    if (!scope.includes(db, keyIn.buffer.subarray(keyAt, keyEnd))) return false;
    if (scope.type === undefined) return true;
    return type === 'module' ? isModuleName(scope.type) : mayBeOfType(type, scope.type);
  }

  /** Of which one a value is, its first bytes say. */
  #isOfModule({ type }: SnapshotReader): boolean {
    const wanted = this.#scope.type;
    return wanted === undefined || type !== 'module' || mayBeOfType(typeNameOf(this.#entry.payload!), wanted);
  }

  #isThere(): boolean {
    const entry = this.#entry;
    if (entry.expireAt !== NEVER) {
      if (entry.expireAt <= this.#now) {
        this.#sink.onExpired();
        return false;
      }
      if (this.#clock.isRelative) entry.expireAt = plus(entry.expireAt, this.#instant - this.#now);
    }
    return this.#scope.strip(entry);
  }

  #carries(): boolean {
    const view = this.#entry;
    const entry = view.copy();
    try {
      const isLeft = this.#scope.carry(entry);
      if (isLeft) view.show(entry);
      else this.#sink.onExpired();
      return isLeft;
    } catch (error) {
      if (!(error instanceof PayloadError)) throw error;
      this.#sink.onReadRefused(entry.db, entry.key, error);
      return false;
    }
  }
}

/** What of the snapshot was not carried. */
export function tellLeftOut({ leftOut, isChecked }: SnapshotReader, sink: Pick<FileSink, 'onNotice'>): void {
  for (const [kind, { names, count }] of leftOut.parts) sink.onNotice({ code: 'LEFT_OUT', kind, names, count });
  if (!isChecked) sink.onNotice({ code: 'UNCHECKED' });
}
