// Writes values: one RESTORE a key, or one UNLINK where there is none any more, pipelined, and every reply held against the
// entry it belongs to.

import { Buffer } from 'node:buffer';
import { Command } from '../../resp/command.ts';
import type { Connection } from '../../resp/connection.ts';
import { ReplyError } from '../../resp/errors.ts';
import type { Receiver, Reply } from '../../resp/reply.ts';
import { endRestore, restoreWith } from '../file/frame-encoder.ts';
import type { Entry } from '../flow/entry.ts';
import { EntryRing } from '../flow/entry-ring.ts';
import type { EntryRun } from '../flow/entry-run.ts';
import { EntryView } from '../flow/entry-view.ts';
import { Settling } from '../flow/settling.ts';
import { ask, type Selection } from '../server/session.ts';
import { ttlOf, type ExpiryMode } from '../flow/expiry.ts';
import { NEVER } from '../rdb/milliseconds.ts';
import { refusalOf, scopeOf } from '../server/refusal.ts';
import type { TransferLimits } from '../server/transfer-limits.ts';

export interface RestoreSink {
  /** These are on the target, and the last of them; all holds until the call returns. */
  onRestored(settling: Settling, last: EntryView): void;
  /** The target has no key of that name any more. @param removed how many it had: 0 or 1. The entry holds until the call returns. */
  onRemoved(entry: EntryView, removed: number): void;
  /** The target would not take this one. */
  onRefused(entry: Entry, error: ReplyError): void;
  /** The key belongs to another node, or is on its way there. */
  onElsewhere(entry: Entry, error: ReplyError): void;
}

export interface RestoreOptions {
  readonly mode: ExpiryMode;
  /** Whether a key that is there already is replaced; otherwise the target answers `BUSYKEY`. */
  readonly replace: boolean;
  /** Whether what the source has no more is removed. */
  readonly removes: boolean;
  /** Most keys under way at once. */
  readonly depth: number;
  readonly limits: TransferLimits;
}

const UNLINK = new Command('UNLINK', 1);

export class RestoreWriter implements Receiver {
  readonly #connection: Connection;
  readonly #selection: Selection;
  readonly #options: RestoreOptions;
  readonly #sink: RestoreSink;
  readonly #inFlight = new EntryRing();
  readonly #entry = new EntryView();
  readonly #settling = new Settling();
  readonly #removals: Receiver = {
    onReply: (reply) => this.#onRemoved(reply),
    onOks: () => this.#failRemoval(),
    onFailure: () => {},
  };
  /** Of what is in flight. */
  #bytes = 0;

  /** Gets each entry that is acknowledged, where somebody keeps count of them. */
  onWritten: ((entry: EntryView) => void) | undefined;

  constructor(connection: Connection, selection: Selection, options: RestoreOptions, sink: RestoreSink) {
    this.#connection = connection;
    this.#selection = selection;
    this.#options = options;
    this.#sink = sink;
  }

  get inFlight(): number {
    return this.#inFlight.length;
  }

  /** Whether an entry of the same key is sent and not answered. */
  holds(entry: EntryView): boolean {
    return this.#inFlight.holds(entry);
  }

  /** Whether one more entry may be sent now. */
  get hasRoom(): boolean {
    const { depth, limits } = this.#options;
    return this.#inFlight.length < depth && this.#bytes < limits.windowBytes && !this.#connection.full;
  }

  /** Bytes of keys and payloads that are sent and not answered. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * @param payload `undefined` for its own
   * @param name the key at the target; `undefined` where it is its own
   * @param now by the clock of `entry.expireAt`; the entry must not have expired by it
   * @param asking whether the node is only just taking over the slot of the key
   */
  send(
    entry: EntryView,
    payload: Buffer | undefined,
    db: number,
    name: Buffer | undefined,
    now: number,
    asking: boolean,
  ): void {
    const { mode, replace } = this.#options;
    const { expireAt, idle, frequency } = entry;
    const absolute = mode === 'exact' && expireAt !== NEVER;
    const ttl = expireAt === NEVER ? 0 : absolute ? expireAt : ttlOf(expireAt, now);
    this.#selection.use(db);
    if (asking) ask(this.#connection);
    const encoder = this.#connection.begin(restoreWith(replace, absolute, idle, frequency), this);
    if (name === undefined) encoder.bytes(entry.keyIn, entry.keyAt, entry.keyEnd);
    else encoder.bulk(name);
    encoder.integer(ttl);
    if (payload === undefined) encoder.bytes(entry.payloadIn, entry.payloadAt, entry.payloadEnd);
    else encoder.bulk(payload);
    endRestore(encoder, replace, absolute, idle, frequency);
    this.#sent(entry);
  }

  /** The source has no such key any more. Parameters as of `send`. */
  remove(entry: EntryView, db: number, name: Buffer | undefined, asking: boolean): void {
    this.#selection.use(db);
    if (asking) ask(this.#connection);
    const encoder = this.#connection.begin(UNLINK, this.#removals);
    if (name === undefined) encoder.bytes(entry.keyIn, entry.keyAt, entry.keyEnd);
    else encoder.bulk(name);
    this.#sent(entry);
  }

  /** Sends the first entries of a run, as many as there is room for, up to one that has expired and is not to be removed; returns how many. */
  sendRun(run: EntryRun, db: number, now: number): number {
    const entry = this.#entry;
    let sent = 0;
    for (; sent < run.length && this.hasRoom; sent++) {
      run.show(sent, entry);
      if (entry.expireAt === NEVER || entry.expireAt > now) this.send(entry, undefined, db, undefined, now, false);
      else if (this.#options.removes) this.remove(entry, db, undefined, false);
      else break;
    }
    return sent;
  }

  /** Hands out the entries that were never answered: the connection failed. */
  drain(lost: (entry: Entry) => void): void {
    for (let entry = this.#inFlight.head; entry !== undefined; entry = this.#inFlight.head) {
      const copy = entry.copy();
      this.#inFlight.drop();
      lost(copy);
    }
    this.#bytes = 0;
  }

  onOks(count: number): void {
    const { onWritten } = this;
    const settling = this.#settling;
    for (let i = 1; i < count; i++) {
      const entry = this.#inFlight.head!;
      onWritten?.(entry);
      settling.add(entry.page, entry.size);
      this.#inFlight.drop();
    }
    const last = this.#inFlight.head!;
    onWritten?.(last);
    settling.add(last.page, last.size);
    const { bytes } = settling;
    this.#bytes -= bytes;
    this.#sink.onRestored(settling, last);
    settling.clear();
    this.#inFlight.drop();
    this.#options.limits.observe(bytes);
  }

  onReply(reply: Reply): void {
    if (reply instanceof ReplyError) this.#refused(reply);
    else if (Buffer.isBuffer(reply) && reply.toString() === 'OK') this.onOks(1);
    else this.#connection.failProtocol('it answers RESTORE with something else than OK or an error');
  }

  onFailure(): void {
    // Whoever runs the connection sees its error.
  }

  #sent(entry: EntryView): void {
    this.#inFlight.pushView(entry);
    this.#bytes += entry.size;
  }

  #onRemoved(reply: Reply): void {
    if (reply instanceof ReplyError) return this.#refused(reply);
    if (reply !== 0 && reply !== 1) return this.#failRemoval();
    const entry = this.#inFlight.head!;
    this.#bytes -= entry.size;
    this.#sink.onRemoved(entry, reply);
    this.#inFlight.drop();
  }

  #failRemoval(): void {
    this.#connection.failProtocol('it answers UNLINK with something else than how many keys it has removed');
  }

  #refused(error: ReplyError): void {
    const scope = scopeOf(error);
    // Where no other key would fare better, this one is as lost as those behind it.
    if (scope === 'server') return this.#connection.fail(refusalOf(this.#connection.peer, 'write to', error));
    const entry = this.#inFlight.head!.copy();
    this.#bytes -= this.#inFlight.head!.size;
    this.#inFlight.drop();
    if (scope === 'place') this.#sink.onElsewhere(entry, error);
    else this.#sink.onRefused(entry, error);
  }
}
