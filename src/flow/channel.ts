// The bounded ring between reader and writer: FIFO, nothing lost, a budget in entries and in bytes. It knows no sockets.
//
//      reader ── reserve, push ──▶ ┌─┬─┬─┬─┬─┬─┐ ── take ──▶ writer ── settle ──▶ acknowledged, refused, given back
//                                  └─┴─┴─┴─┴─┴─┘
//             │ reserved │   inside │          taken                 │
//                        └────────── unsettled ──────────────────────┘
//
//   An entry counts against both budgets until it is settled, wherever it waits on the writer's side. How many bytes it has
//   is known only when it is there, so what was reserved may pass the byte budget; `room` is 0 from then on.
//   Whoever makes one thing of many pieces holds it in the same budget: `allot` waits until there is room for all of it, and
//   what is read meanwhile leaves that room. It does not wait for entries that are parked: they may wait for it.
//   Room comes back in one place, which wakes whoever waits for it.

import { Ring } from '../../resp/ring.ts';
import { newEntry, sizeOf, type Entry } from './entry.ts';
import { EntryRing } from './entry-ring.ts';
import { EntryRun } from './entry-run.ts';
import { EntryView } from './entry-view.ts';
import type { Observation } from './observation.ts';
import { Pause } from './pause.ts';
import type { Settling } from './settling.ts';
import { Wakeup } from './wakeup.ts';

export interface ChannelOptions {
  /** Entries reserved and unsettled together. */
  readonly maxEntries: number;
  /** Bytes of keys and payloads that are not settled. */
  readonly maxBytes: number;
  /** While it is on, nothing more is asked for. */
  readonly pause?: Pause;
  /** What hears of all that is put in. */
  readonly observation?: Observation | undefined;
}

/** Is offered entries where they lie, before they are copied. What it takes has to be settled as what is taken out. */
export interface Taker {
  /** What would be the oldest entry inside. False where it is not taken. */
  take(entry: EntryView): boolean;
  /** The same for a run of them. Returns how many are taken; the others come one by one. */
  takeRun?(run: EntryRun): number;
}

/** Who waits for room beside the entries. */
interface Claim {
  readonly bytes: number;
  /** @param isGranted false: there will be no such room */
  readonly settle: (isGranted: boolean) => void;
}

export class Channel {
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  readonly #pause: Pause;
  readonly #observation: Observation | undefined;
  readonly #ring = new EntryRing();
  readonly #arrival = new Wakeup();
  readonly #departure = new Wakeup();
  readonly #end = new Wakeup();
  readonly #settledListeners: ((page: number, keys: number) => void)[] = [];
  readonly #lastListeners: (() => boolean)[] = [];
  #taker: Taker | undefined;
  readonly #view = new EntryView();
  readonly #run = new EntryRun();
  #reserved = 0;
  #unsettled = 0;
  #bytes = 0;
  /** What is held beside the entries. */
  #allotted = 0;
  #parked = 0;
  readonly #claims = new Ring<Claim>();
  #state: 'open' | 'closed' = 'open';
  #reason: unknown;

  constructor(options: ChannelOptions) {
    this.#maxEntries = options.maxEntries;
    this.#maxBytes = options.maxBytes;
    this.#pause = options.pause ?? new Pause();
    this.#observation = options.observation;
    this.#pause.onEnd(() => this.#departure.wake());
  }

  /** `listener` is called whenever there may be room again. */
  onDeparture(listener: () => void): void {
    this.#departure.listen(listener);
  }

  /** `listener` is called for keys of a page that are done with: what checkpoints are made of. */
  onSettled(listener: (page: number, keys: number) => void): void {
    this.#settledListeners.push(listener);
  }

  /** `listener` is called when the flow ends: whoever waits for anything else should look. */
  onEnd(listener: () => void): void {
    this.#end.listen(listener);
  }

  /**
   * `listener` is called when all that was read is settled, and nothing more is to be read. It may have keys read once more;
   * returns whether it has.
   */
  onLast(listener: () => boolean): void {
    this.#lastListeners.push(listener);
  }

  /** All is settled that was to be read. Returns whether something more is to be read. */
  endsLater(): boolean {
    return this.#lastListeners.map((listener) => listener()).includes(true);
  }

  handTo(taker: Taker): void {
    this.#taker = taker;
  }

  /** Whether it still takes entries. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Entries inside. */
  get length(): number {
    return this.#ring.length;
  }

  /** Entries that were pushed and are not settled. */
  get unsettled(): number {
    return this.#unsettled;
  }

  /** Bytes of those, and of what is allotted. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Entries that are asked for, and come or are released. */
  get reserved(): number {
    return this.#reserved;
  }

  /** Whether nothing is to be asked for, though there may be room. */
  get isPaused(): boolean {
    return this.#pause.isOn;
  }

  /** Entries that may be reserved now. */
  get room(): number {
    return this.#pause.isOn || this.#hasNoBytes ? 0 : Math.max(0, this.#maxEntries - this.#unsettled - this.#reserved);
  }

  /** The same for whoever has them at hand: none while others wait inside, where they would only be copied to wait as well. */
  get passage(): number {
    return this.#ring.length > 0 ? 0 : this.room;
  }

  /** Whether the writer is behind: nothing that comes now would find its place, reserved or not. */
  get isFull(): boolean {
    return this.#hasNoBytes || this.#unsettled >= this.#maxEntries;
  }

  get #hasNoBytes(): boolean {
    const claimed = this.#claims.peek()?.bytes ?? 0;
    return this.#bytes + Math.max(0, claimed - this.#allotted) >= this.#maxBytes;
  }

  /** Keeps places for entries that are asked for. */
  reserve(entries = 1): void {
    this.#reserved += entries;
  }

  /** A key is done with that has no place here: it is gone, or what is wrong with it is told. */
  conclude(page: number): void {
    for (const listener of this.#settledListeners) listener(page, 1);
  }

  /** The same for a key that has one, which is given up. */
  dismiss(page: number): void {
    this.conclude(page);
    this.release();
  }

  /** Gives up places that were reserved: the keys come another time. */
  release(entries = 1): void {
    this.#giveBack(entries, 0, 0);
  }

  /**
   * Puts an entry into a place that was reserved for it, which makes no room and wakes nobody who waits for some. Where
   * nothing is taken any more, the place is given up.
   */
  pushReserved(entry: EntryView): void {
    if (this.#state !== 'open') return this.release();
    this.#reserved--;
    this.#add(entry);
  }

  /** The same for a run of entries. */
  pushRun(run: EntryRun): void {
    const { length } = run;
    if (this.#state !== 'open') return this.release(length);
    this.#reserved -= length;
    this.#unsettled += length;
    this.#bytes += run.size;
    this.#observation?.onRun(run);
    const taken = this.#ring.length === 0 ? (this.#taker?.takeRun?.(run) ?? 0) : 0;
    for (let i = taken; i < length; i++) {
      run.show(i, this.#view);
      this.#pass(this.#view);
    }
  }

  /**
   * Puts a copy of an entry in, or the Buffers themselves where they are large.
   * @throws Error when the channel is closed
   */
  push(entry: Entry): void {
    if (this.#state !== 'open') throw new Error('Cannot push an entry: the channel is closed');
    const view = EntryView.of(entry);
    // A view into something larger would keep that alive.
    if (entry.key.length < entry.key.buffer.byteLength) view.ownKey = undefined;
    this.#add(view);
  }

  /** Moves the oldest entry into `entry`; false when there is none. Whoever takes it has to `settle` it. */
  take(entry: Entry): boolean {
    return this.#ring.take(entry);
  }

  /** The oldest entry where it lies, which holds until one is put in; `undefined` where there is none. */
  get head(): EntryView | undefined {
    return this.#ring.head;
  }

  /** The oldest entries as a run, as many as make one; there has to be an entry. They hold as the head does. */
  get run(): EntryRun {
    this.#ring.showRun(this.#run);
    return this.#run;
  }

  /** Takes the oldest entries out. Whoever does has to `settle` them. */
  drop(entries = 1): void {
    for (let i = 0; i < entries; i++) this.#ring.drop();
  }

  /** What was settled may have to be read again: the end waits for `letGo`. */
  hold(): void {
    this.#unsettled++;
  }

  letGo(): void {
    this.#giveBack(0, 1, 0);
  }

  /** An entry of the page that was taken is done with: acknowledged, or what is wrong with it is told. */
  settle(page: number, bytes: number): void {
    this.conclude(page);
    this.#giveBack(0, 1, bytes);
  }

  /** The same for several. */
  settleAll(settling: Settling): void {
    for (const listener of this.#settledListeners) settling.each(listener);
    this.#giveBack(0, settling.entries, settling.bytes);
  }

  /** An entry that was taken needs its place no more, and comes another time. */
  giveBack(bytes: number): void {
    this.#giveBack(0, 1, bytes);
  }

  /** So many bytes of entries that were taken wait behind whoever may yet ask for an allotment; fewer where it is negative. */
  park(bytes: number): void {
    this.#parked += bytes;
    this.#grant();
    this.#departure.wake();
  }

  /**
   * Waits until so many bytes have room in the budget beside the entries; who came first is first. Returns what gives the
   * room back, however often it is called; `undefined` where there will be none.
   */
  async allot(bytes: number): Promise<(() => void) | undefined> {
    const isGranted = await new Promise<boolean>((settle) => {
      this.#claims.push({ bytes, settle });
      this.#grant();
    });
    let left = isGranted ? bytes : 0;
    const giveBack = (): void => {
      const now = left;
      left = 0;
      this.#allotted -= now;
      this.#giveBack(0, 0, now);
    };
    return isGranted ? giveBack : undefined;
  }

  /** Waits for an entry to take (true), or for the end (false). Rejects with the reason of `close`, if it had one. */
  async readable(): Promise<boolean> {
    while (this.#ring.length === 0) {
      if (this.#state === 'open') await this.#arrival.sleep();
      else if (this.#reason === undefined) return false;
      else throw this.#reason;
    }
    return true;
  }

  /** Waits until more may be asked for. Rejects once the channel is closed. */
  async writable(): Promise<void> {
    while (this.#state === 'open' && (this.#pause.isOn || this.isFull)) await this.#departure.sleep();
    this.#demandOpen();
  }

  /** Waits until there is passage. Rejects once the channel is closed. */
  async passable(): Promise<void> {
    // Whatever leaves it is settled later, and that is told.
    while (this.#state === 'open' && (this.#pause.isOn || this.isFull || this.#ring.length > 0)) {
      await this.#departure.sleep();
    }
    this.#demandOpen();
  }

  /** Waits until every entry is settled. Rejects once the channel is closed. */
  async settled(): Promise<void> {
    while (this.#state === 'open' && this.#unsettled > 0) await this.#departure.sleep();
    this.#demandOpen();
  }

  /** Ends the flow after the entries inside; a `reason` says that they are not all there was. The first call counts. */
  close(reason?: unknown): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#reason = reason;
    this.#grant();
    this.#arrival.wake();
    this.#departure.wake();
    this.#end.wake();
  }

  /** Ends the flow now: the entries inside are dropped, and both ends are told the reason. */
  abort(reason: unknown): void {
    const dropped = newEntry();
    while (this.take(dropped)) this.giveBack(sizeOf(dropped));
    this.close(reason);
    // Where the reader was done already, the end is still no good one.
    this.#reason ??= reason;
  }

  #add(entry: EntryView): void {
    this.#unsettled++;
    this.#bytes += entry.size;
    this.#observation?.onEntry(entry);
    this.#pass(entry);
  }

  #pass(entry: EntryView): void {
    if (this.#ring.length === 0 && this.#taker?.take(entry) === true) return;
    this.#ring.pushView(entry);
    this.#arrival.wake();
  }

  /** The one place where room comes back. */
  #giveBack(reserved: number, unsettled: number, bytes: number): void {
    this.#reserved -= reserved;
    this.#unsettled -= unsettled;
    this.#bytes -= bytes;
    // Before anybody can put something else there.
    this.#grant();
    this.#departure.wake();
  }

  #grant(): void {
    for (let claim = this.#claims.peek(); claim !== undefined; claim = this.#claims.peek()) {
      const isGranted = this.#bytes + claim.bytes <= this.#maxBytes;
      if (isGranted) {
        this.#bytes += claim.bytes;
        this.#allotted += claim.bytes;
      } else if (this.isOpen && this.#parked + claim.bytes <= this.#maxBytes) return;
      this.#claims.shift();
      claim.settle(isGranted);
    }
  }

  #demandOpen(): void {
    if (this.#state === 'closed') throw this.#reason ?? new Error('Cannot wait: the channel is closed');
  }
}
