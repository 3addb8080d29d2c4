// What becomes of an entry that is not simply acknowledged: the channel has its room back, whoever keeps count is told, and what is
// to be read again goes back to the source. It decides nothing.

import type { RespError } from '../../resp/errors.ts';
import type { Channel } from '../flow/channel.ts';
import { newEntry, sizeOf, type Entry } from '../flow/entry.ts';
import type { KeyId } from '../flow/key-id.ts';
import type { Settling } from '../flow/settling.ts';
import { CHANGED, GONE } from '../keys/value-end.ts';
import type { Origin } from './conflicts.ts';
import type { TargetSink, WayBack } from './target.ts';

export class Settlement {
  readonly #source: WayBack;
  readonly #sink: TargetSink;
  /** Made once, as it is called for each run of acknowledgements. */
  readonly #onWritten: (page: number, keys: number, bytes: number) => void;
  #channel!: Channel;

  constructor(source: WayBack, sink: TargetSink) {
    this.#source = source;
    this.#sink = sink;
    this.#onWritten = (page, keys, bytes) => sink.onWritten(keys, bytes, page);
  }

  begin(channel: Channel): void {
    this.#channel = channel;
  }

  /** Nothing more is to be done about it. */
  settle(entry: Entry): void {
    this.#channel.settle(entry.page, sizeOf(entry));
  }

  /** They are on the target. */
  settleWritten(settling: Settling): void {
    settling.each(this.#onWritten);
    this.#channel.settleAll(settling);
  }

  /** Nothing is written: of a key that is gone the target is as it should be, whatever else has its name there. */
  settleNeedless(entry: Entry): void {
    if (entry.kind === 'gone') this.#sink.onInPlace(entry);
    this.settle(entry);
  }

  /** It is read again. */
  giveBack(entry: Entry): void {
    this.#source.again(entry);
    this.#channel.giveBack(sizeOf(entry));
  }

  /** Another key of the source is read in its place. */
  readInstead(entry: Entry, { db, key }: KeyId): void {
    if (entry.kind === 'gone') this.#sink.onInPlace(entry);
    this.#source.again({ ...newEntry(), db, key, page: entry.page });
    this.#channel.giveBack(sizeOf(entry));
  }

  /** It is read in pieces, where the source can do so; otherwise it stays here. */
  readInPieces(entry: Entry): boolean {
    const isAsked = this.#source.againInPieces(entry);
    if (isAsked) this.#channel.giveBack(sizeOf(entry));
    return isAsked;
  }

  /** It cannot be written as it is, or is gone by now. */
  report(entry: Entry, error: RespError): void {
    if (error.code === GONE) return this.expire(entry.page, sizeOf(entry), 0);
    if (error.code === CHANGED && this.#source.onChanging !== undefined) this.#source.onChanging(entry);
    else this.#sink.onWriteRefused(entry.db, entry.key, error, entry.page);
    this.settle(entry);
  }

  /** What was lost was only the reply; or SCAN gave the key once more. */
  settleOurs(entry: Entry, origin: Origin): void {
    if (origin === 'maybe-written') this.#sink.onWritten(1, sizeOf(entry), entry.page);
    else this.#sink.onRepeated(entry.page);
    this.#sink.onInPlace(entry);
    this.settle(entry);
  }

  /** @param removed keys that the target had under its name, and has no more */
  expire(page: number, bytes: number, removed: number): void {
    this.#sink.onExpired(page);
    this.settleRemoved(page, bytes, removed);
  }

  settleRemoved(page: number, bytes: number, removed: number): void {
    if (removed > 0) this.#sink.onRemoved(removed);
    this.#channel.settle(page, bytes);
  }
}
