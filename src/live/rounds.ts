// Reads keys that have changed once more, round by round: what changes during one round is for the next, so that a key that is
// written all the time costs one reading a round. A large value has a reading of its own, which no round waits for.
//
//     mark ──▶ DirtyKeys ── a round ──▶ source ──▶ channel ──▶ target ── settled ──▶ the next round

import { setTimeout as sleep } from 'node:timers/promises';
import type { EntryRun } from '../flow/entry-run.ts';
import { EntryView } from '../flow/entry-view.ts';
import type { KeyId } from '../flow/key-id.ts';
import { Wakeup } from '../flow/wakeup.ts';
import type { KeyScope } from '../scan/key-scope.ts';
import type { PageLedger } from '../scan/page-ledger.ts';
import type { Follower } from '../source/follower.ts';
import { ChangeCount, type Told } from './change-count.ts';
import { DirtyKeys, type DirtyKeysOptions, type HeldNames } from './dirty-keys.ts';
import { LargeKeys, type LargeKey } from './large-keys.ts';
import { LateKeys, type LateKeysGroup } from './late-keys.ts';
import type { Streams } from './streams.ts';

export interface RoundsOptions extends DirtyKeysOptions {
  /** The databases that are followed from the beginning. */
  readonly databases: readonly number[];
  readonly scope: Pick<KeyScope, 'includes' | 'isAll'>;
  /** Milliseconds: a large value is read no more often. */
  readonly settle: number;
  readonly streams: Streams;
}

type MoveTest = (key: Buffer) => boolean;

export interface RoundsSink {
  /** Reads a key, which comes with this page. */
  readChanged(db: number, key: Buffer, page: number): void;
  /** A round begins: what is marked from now on is of a later one. */
  onRound(round: number): void;
  /** There was no room for the name. */
  onOverflow(key: Buffer): void;
  /** Whether the slot of a key has moved since the walk began that is under way; `undefined` where that is so of none. */
  moveTest(): MoveTest | undefined;
  /** All that was there at the beginning is on the target. */
  onWalked(): void;
}

/** Keys of a round that are on their way at once. */
const MOST_ASKED = 4096;
/** Milliseconds: a key that is written all the time is read no more often. */
const ROUND_MS = 20;

/** What was marked at one moment. */
export interface RoundsPlace {
  /** What was marked for itself is read by then. */
  readonly round: number;
  /** What has changed while it is written. */
  readonly large: readonly Pick<LargeKey, 'nextRound'>[];
  /** What is to be read once more, as of when all of that was read first. */
  late?: readonly LateKeysGroup[];
}

export class Rounds implements Follower {
  readonly #options: RoundsOptions;
  readonly #databases: Set<number>;
  readonly #ledger: PageLedger;
  readonly #sink: RoundsSink;
  readonly #dirty: DirtyKeys;
  readonly #late: LateKeys;
  /** Keys that were at no node when they were read last. */
  readonly #nowhere: DirtyKeys;
  readonly #large: LargeKeys;
  readonly #moved = new Wakeup();
  /** Called for each key that is read as it counts as changed, where that is wanted. */
  onReadKey: ((key: Buffer, isGone: boolean) => void) | undefined;
  /** Settles when nothing more is to be read. */
  readonly ended: Promise<void>;
  #end!: () => void;
  #begun = 0;
  #page = 0;
  /** Whether the round reads what is read once more. */
  #isLate = false;
  #isOver = false;
  #mayRead = false;
  #isHurried = false;
  /** How often a value was not read to its end, as it went on changing. */
  #broken = 0;
  readonly #count: ChangeCount;
  readonly #view = new EntryView();
  /** Whether it is not told of which database a name of the next round is. */
  #isNextUntold = false;

  constructor(options: RoundsOptions, ledger: PageLedger, sink: RoundsSink) {
    this.#options = options;
    this.#databases = new Set(options.databases);
    this.#ledger = ledger;
    this.#sink = sink;
    this.#dirty = new DirtyKeys(options);
    this.#late = new LateKeys(this, ledger, options, this.#dirty);
    this.#dirty.beside = this.#late;
    this.#nowhere = new DirtyKeys(options);
    this.#count = new ChangeCount(options.scope.isAll);
    this.#large = new LargeKeys(options.settle, {
      nextRound: () => this.#begun + 1,
      onWritten: () => this.#moved.wake(),
      onReleased: ({ db, key, isMarked }) => {
        if (isMarked) this.#mark(db, key);
        this.#moved.wake();
      },
    });
    this.ended = new Promise((resolve) => (this.#end = resolve));
    ledger.onDone = () => this.#moved.wake();
  }

  /** Keys that are marked, or are read and not settled. */
  get behind(): number {
    const asked = Math.max(0, this.#ledger.keysOf(this.#page));
    return this.#dirty.held + this.#late.held + asked + this.#large.size;
  }

  /** Rounds that have begun, and those of the first that are done with. */
  get begun(): number {
    return this.#begun;
  }

  get done(): number {
    return this.#ledger.doneOf(this, this.#begun);
  }

  get place(): RoundsPlace {
    return { round: this.#lastMarked, large: this.#large.marked };
  }

  /** Whether everything that was marked then is read and settled. */
  hasPassed(place: RoundsPlace): boolean {
    if (this.done < place.round || !this.#areRead(place.large)) return false;
    place.late ??= this.#late.groups;
    return this.#areRead(place.late);
  }

  /** Changes that were told so far, of keys in scope. */
  get changes(): number {
    return this.#count.changes;
  }

  /** Of them, as far as they are read: see `ChangeCount`. */
  get told(): Told {
    return this.#count.told;
  }

  get gone(): number {
    return this.#count.gone;
  }

  /**
   * A key has changed, which may be out of scope.
   * @param db `undefined` for any of those that are followed
   */
  change(db: number | undefined, key: Buffer): void {
    if (!this.#isIn(db, key)) return;
    this.#count.change(db, this.#databases, key);
    this.#markIn(db, key);
  }

  /** The same of a key that is marked, or was read by now. @param times how often it has changed. @returns whether it is in scope */
  count(db: number | undefined, key: Buffer, times = 1): boolean {
    if (!this.#isIn(db, key)) return false;
    this.#count.count(db, this.#databases, key, times);
    return true;
  }

  /** Changes of which no name is kept: at least so many. */
  countUnnamed(changes: number): void {
    this.#count.countUnnamed(changes);
  }

  /** Databases were flushed or exchanged, all of them where they are not named: that is a change as well. */
  changeWhole(databases: readonly number[] | undefined): void {
    if (databases?.some((db) => this.#databases.has(db)) ?? true) this.countUnnamed(1);
  }

  /** The key, which is in scope, is to be read once more, whether it has changed or not. */
  mark(db: number | undefined, key: Buffer): void {
    this.#markIn(db, key, false);
  }

  /**
   * Waits while names take more than half of the room, as the other half is for what changes meanwhile; `undefined` where there is
   * nothing to wait for.
   * @param coming those that whoever waits may mark yet: where they become fewer, `wake`
   */
  roomy(coming: HeldNames): Promise<void> | undefined {
    return this.#dirty.isHalfFull(coming) ? this.#untilRoomy(coming) : undefined;
  }

  /** Follows another database: what has changed there before is found otherwise. */
  follow(db: number): void {
    this.#databases.add(db);
  }

  /** Reads what is marked, from `begin` until `end`. */
  async run(): Promise<void> {
    while (!this.#isOver) {
      if (this.#mayRead && this.#late.areDue) {
        this.#late.take(this.#begun + 1);
        await this.#readRound(this.#late);
      } else if (this.#mayRead && this.#dirty.length > 0) {
        this.#dirty.take();
        this.#count.onTaken();
        await this.#readRound(this.#dirty);
      } else await this.#moved.sleep();
    }
  }

  end(): void {
    this.#isOver = true;
    this.#moved.wake();
    this.#end();
  }

  begin(): void {
    this.#mayRead = true;
    this.#moved.wake();
  }

  onWalked(): void {
    this.#sink.onWalked();
  }

  /** Keys may be settled, or fewer may be marked. */
  wake(): void {
    this.#moved.wake();
  }

  /**
   * Waits until all that is marked by now is read and settled.
   * @param isHurried from now on large values do not wait for their time any more, and those that go on changing are waited for
   */
  async settled({ isHurried = false } = {}): Promise<void> {
    this.#isHurried ||= isHurried;
    if (isHurried) this.#large.hurry();
    const large = new Set(this.#large.all);
    let late: readonly LateKeysGroup[] | undefined;
    let last = this.#lastMarked;
    let broken = this.#broken;
    while (!this.#isOver) {
      if (isHurried && this.#broken > broken) {
        broken = this.#broken;
        last = this.#lastMarked;
        for (const one of this.#large.all) large.add(one);
      }
      for (const one of large) {
        if (this.#large.has(one)) continue;
        large.delete(one);
        // What had changed while it was written is marked by now, or of the round that has just begun.
        if (one.isMarked) last = Math.max(last, this.#lastMarked);
      }
      if (this.done >= last && large.size === 0) {
        late ??= this.#late.groups;
        if (this.#areRead(late)) return;
      }
      await this.#moved.sleep();
    }
  }

  /** Reads these keys once more, and waits for them as `settled` does. */
  async readAgain(keys: readonly KeyId[], how = {}): Promise<void> {
    for (const { db, key } of keys) this.mark(db, key);
    await this.settled(how);
  }

  /** The value went on changing while it was read, and is not on the target: it is read once more. */
  onChanging({ db, key }: KeyId): void {
    this.#broken++;
    this.#mark(db, key);
  }

  /** What was nowhere may be somewhere by now: it is read once more. */
  markNowhere(): void {
    this.#nowhere.take();
    for (let key = this.#nowhere.next(); key !== undefined; key = this.#nowhere.next()) this.#mark(key.db, key.key);
  }

  onNowhere({ db, key }: KeyId): void {
    if (!this.#nowhere.add(db, key)) this.#sink.onOverflow(key);
  }

  isChange(page: number): boolean {
    return this.#ledger.isOf(page, this);
  }

  onRead(entry: EntryView): void {
    const { streams } = this.#options;
    if (entry.kind === 'gone') {
      // What is read once more was counted before.
      if (!this.#isLate) this.#onGone(entry);
      streams.forget(entry);
    } else {
      streams.observe(entry);
    }
    const hasMoved = this.#sink.moveTest();
    if (this.#isOfInterest(hasMoved)) this.#onAnswered(entry, hasMoved);
    if (entry.kind === 'large' && this.isChange(entry.page)) this.#setApart(entry);
  }

  onReadAll(entries: EntryRun): void {
    this.#options.streams.observeAll(entries);
    const hasMoved = this.#sink.moveTest();
    if (!this.#isOfInterest(hasMoved)) return;
    for (let i = 0; i < entries.length; i++) {
      entries.show(i, this.#view);
      this.#onAnswered(this.#view, hasMoved);
    }
  }

  /** Whether it has to be looked at what each of the keys is. */
  #isOfInterest(hasMoved: MoveTest | undefined): boolean {
    return hasMoved !== undefined || this.#count.read.hasUncounted || this.onReadKey !== undefined;
  }

  /** What a walk had asked of another node may come behind what this one says of a key of the round. */
  #onAnswered(entry: EntryView, hasMoved: MoveTest | undefined): void {
    if (entry.page !== this.#page) return;
    const { kind, db, key } = entry;
    if (kind !== 'gone') {
      const { read } = this.#count;
      const isChange = !read.hasUncounted || read.onThere(db, key, this.#dirty.has(db, key));
      if (isChange && !this.#isLate) this.onReadKey?.(key, false);
    }
    if (!this.#isLate && hasMoved?.(key) === true && !this.#late.add(db, key)) this.#sink.onOverflow(key);
  }

  #onGone({ db, key }: EntryView): void {
    if (this.#count.read.onGone(db, key, this.#dirty.has(db, key))) this.onReadKey?.(key, true);
  }

  async #untilRoomy(coming: HeldNames): Promise<void> {
    while (!this.#isOver && this.#dirty.isHalfFull(coming)) await this.#moved.sleep();
  }

  #areRead(those: readonly Pick<LargeKey, 'nextRound'>[]): boolean {
    const { done } = this;
    return those.every(({ nextRound = Infinity }) => done >= nextRound);
  }

  /** The last round that has to be done until all that is marked by now is. */
  get #lastMarked(): number {
    return this.#begun + (this.#dirty.length > 0 ? 1 : 0);
  }

  #markIn(db: number | undefined, key: Buffer, isCounted = true): void {
    if (db === undefined) this.#isNextUntold = true;
    for (const each of db === undefined ? this.#databases : [db])
      if (this.#databases.has(each)) this.#mark(each, key, isCounted);
  }

  /** @param isCounted whether it counts as changed by now */
  #mark(db: number, key: Buffer, isCounted = true): void {
    const isLarge = this.#large.size > 0 && this.#large.mark({ db, key });
    const isNews = !isCounted && !this.#dirty.has(db, key);
    if (!isLarge && !this.#dirty.add(db, key)) this.#sink.onOverflow(key);
    else if (isNews) this.#count.read.onMarked(db, key);
    if (!isLarge) this.#moved.wake();
  }

  #isIn(db: number | undefined, key: Buffer): boolean {
    return this.#options.scope.includes(key) && (db === undefined || this.#databases.has(db));
  }

  async #readRound(keys: DirtyKeys | LateKeys): Promise<void> {
    const started = performance.now();
    this.#count.read.begin(this.#isNextUntold ? this.#databases.size : 1);
    this.#isNextUntold = false;
    this.#begun++;
    this.#sink.onRound(this.#begun);
    const page = this.#ledger.begin(this, this.#begun, () => this.#count.onDone());
    this.#page = page;
    this.#isLate = keys === this.#late;
    for (let key = keys.next(); key !== undefined; key = keys.next()) {
      this.#ledger.found(page, 1);
      this.#sink.readChanged(key.db, key.key, page);
      while (this.#ledger.keysOf(page) > MOST_ASKED && !this.#isOver) await this.#moved.sleep();
      if (this.#isOver) return;
    }
    this.#ledger.settle(page);
    while (this.#ledger.keysOf(page) > 0 && !this.#isOver) await this.#moved.sleep();
    const rest = started + ROUND_MS - performance.now();
    if (rest > 1 && !this.#isHurried) await sleep(rest);
  }

  /** No round waits for it. */
  #setApart(entry: EntryView): void {
    const onWritten = this.#large.begin(entry);
    if (onWritten === undefined) return;
    const { page } = entry;
    entry.page = this.#ledger.begin(this, this.#begun, onWritten);
    this.#ledger.settle(page);
  }
}
