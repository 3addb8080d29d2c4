// Reads values: DUMP and the expiry of each key, pipelined, with no more on the way than the source should have to hold.

import { Buffer } from 'node:buffer';
import { Command } from '../../resp/command.ts';
import type { Connection } from '../../resp/connection.ts';
import { ReplyError } from '../../resp/errors.ts';
import { Oversized, type Receiver, type Reply, type ReplyRun } from '../../resp/reply.ts';
import { MOST_ENTRIES, type EntryRun } from '../flow/entry-run.ts';
import { EntryView } from '../flow/entry-view.ts';
import type { LargeValue } from '../flow/entry.ts';
import { ask, type Selection } from '../server/session.ts';
import { PayloadError } from '../rdb/payload.ts';
import { isEmptyDump } from '../rdb/pieces.ts';
import type { Observation } from '../flow/observation.ts';
import { DumpReplies, expireAtOf } from './dump-replies.ts';
import { DumpWindow } from './dump-window.ts';
import type { ExpiryMode } from '../flow/expiry.ts';
import type { FieldExpiries } from './expiries.ts';
import type { KeyReader, KeySink } from './key-reader.ts';
import type { FoundKey } from '../flow/key-id.ts';
import { KeyQueue, keyViewOf, type KeyView } from '../flow/key-queue.ts';
import { failMisanswered } from '../server/replies.ts';
import { refusalOf, scopeOf } from '../server/refusal.ts';
import type { MaxLatency, TransferLimits } from '../server/transfer-limits.ts';
import { NEVER, type Milliseconds } from '../rdb/milliseconds.ts';

export interface DumpSink extends KeySink {
  /** The entry holds until the call returns. */
  onDump(entry: EntryView): void;
  /** The same for a run of entries; without it, they come one by one. */
  onDumps?(entries: EntryRun): void;
}

export interface DumpOptions {
  readonly mode: ExpiryMode;
  /** What is carried of how a key is used, if anything. */
  readonly usage: 'idle' | 'frequency' | undefined;
  /** Most keys under way at once. */
  readonly depth: number;
  /** What becomes of the expiries of fields; without it they stay as they are. */
  readonly fields: FieldExpiries | undefined;
  /** What reads a value that is too large for a payload. */
  readonly largeValueOf: (db: number, key: Buffer, bytes: number | undefined) => LargeValue;
  /** Bytes of the longest payload that is taken. */
  readonly bigKey: number;
  readonly maxLatency: MaxLatency;
  /** Milliseconds from a command to its reply, where the source has nothing else to do. */
  readonly roundTrip: number;
  readonly limits: TransferLimits;
  /** What hears how long the source takes. */
  readonly observation?: Observation | undefined;
}

const DUMP = new Command('DUMP', 1);
/** In place of DUMP, for a value that is not to be read here. */
const EXISTS = new Command('EXISTS', 1);
const EXPIRY = { exact: new Command('PEXPIRETIME', 1), relative: new Command('PTTL', 1), dropped: undefined };
const USAGE = { idle: new Command('OBJECT IDLETIME', 1), frequency: new Command('OBJECT FREQ', 1) };

/** What PTTL and PEXPIRETIME answer for a key that is not there. */
const GONE = -2;
const UNKNOWN = -1;
/** From so many keys on a window is filled again when half of it is answered: few long writes cost less than many short ones. */
const LONG_WINDOW = 512;
/** A reply of more bytes than any read of the socket brings. */
const LONG_BYTES = 256 * 1024;
/** No reply is quicker than can be told. */
const LEAST_MS = 0.01;

export class DumpReader implements Receiver, KeyReader {
  readonly #connection: Connection;
  readonly #selection: Selection;
  readonly #sink: DumpSink;
  readonly #usage: Command | undefined;
  readonly #expiry: Command | undefined;
  readonly #options: DumpOptions;
  readonly #window: DumpWindow;
  readonly #keys = new KeyQueue();
  readonly #entry = new EntryView();
  /** What reads replies where they lie, where they are of the usual kind. */
  readonly #replies: DumpReplies | undefined;
  /** The replies about one key so far, while others are still to come. */
  #used: Reply | undefined;
  #payload: Reply | undefined;
  /** The values that are not to be dumped, and what they take, where that is known. */
  readonly #large = new Map<Buffer, number | undefined>();
  /** A key whose reply is waited for with a watch: how many are to come up to it, and what has come since it was sent. */
  #timedLeft = 0;
  #timedKeys = 0;
  #timedBytes = 0;
  #timedSince = 0;
  #pauses = 0;
  #isAlone = false;
  /** Whether a long window was filled, and half of it was not answered since. */
  #isFull = false;

  /** Called when the key of `sendAlone` was answered. @param ms that the source took; `undefined` where it cannot be told */
  onAlone: (ms: number | undefined) => void = () => {};

  constructor(connection: Connection, selection: Selection, options: DumpOptions, sink: DumpSink) {
    this.#connection = connection;
    this.#selection = selection;
    this.#sink = sink;
    this.#options = options;
    this.#usage = options.usage && USAGE[options.usage];
    this.#expiry = EXPIRY[options.mode];
    const isPlain = options.usage === undefined && options.fields === undefined;
    if (isPlain) this.#replies = new DumpReplies(options.mode, options.bigKey);
    this.#window = new DumpWindow(options.depth, options.maxLatency, options.roundTrip, options.limits);
  }

  get inFlight(): number {
    return this.#keys.length;
  }

  get hasRoom(): boolean {
    return this.roomBeside(0) > 0;
  }

  /** How many keys more may be sent, where so many are about to be. */
  roomBeside(keys: number): number {
    const wanted = this.#keys.length + keys;
    const { size } = this.#window;
    if (wanted >= size) this.#isFull = size >= LONG_WINDOW && this.#connection.isNear;
    else if (wanted <= size / 2) this.#isFull = false;
    return this.#isFull || this.#connection.full ? 0 : Math.ceil(size - wanted);
  }

  /** A value that will be asked for takes so many bytes. */
  foresee(bytes: number): void {
    this.#window.foresee(bytes);
  }

  send(key: FoundKey, asking: boolean): void {
    this.#send(DUMP, keyViewOf(key), asking);
    this.#keys.push(key);
    if (this.#timedLeft === 0) this.#time();
  }

  /** @param beside keys that are about to be sent */
  sendNext(keys: KeyQueue, most: number, beside = 0): number {
    const wanted = Math.min(most, keys.length, this.roomBeside(beside));
    let sent = 0;
    do {
      this.sendHead(keys);
      sent++;
    } while (sent < wanted && !this.#connection.full);
    return sent;
  }

  /** The next key of the queue, which is taken out of it. */
  sendHead(keys: KeyQueue): void {
    this.#send(DUMP, keys.head!, false);
    this.#keys.take(keys);
    if (this.#timedLeft === 0) this.#time();
  }

  /** The value may take long: nothing that does may be sent until `onAlone`. */
  sendAlone(key: FoundKey): void {
    this.#send(DUMP, keyViewOf(key), false);
    this.#keys.push(key);
    this.#time();
    this.#isAlone = true;
  }

  /**
   * The value is not to be dumped: only the rest is asked for.
   * @param bytes of memory that it takes, if that is known
   */
  sendLarge(key: FoundKey, bytes?: number): void {
    this.#large.set(key.key, bytes);
    this.#send(EXISTS, keyViewOf(key), false);
    this.#keys.push(key);
  }

  drain(lost: (key: FoundKey) => void): void {
    this.#large.clear();
    this.#keys.drain(lost);
  }

  /** Whether the payload comes next: of one that is long all that is needed is that it is. */
  get takesLong(): boolean {
    return this.#payload === undefined && (this.#usage === undefined || this.#used !== undefined);
  }

  read(run: ReplyRun): void {
    while (this.#payload === undefined && this.#readRun(run));
  }

  onReply(reply: Reply): void {
    if (this.#usage !== undefined && this.#used === undefined) this.#used = reply;
    else if (this.#expiry === undefined) this.#finish(reply, NEVER);
    else if (this.#payload === undefined) this.#payload = reply;
    else this.#finish(this.#payload, reply);
  }

  onOks(): void {
    this.#connection.failProtocol('it answers DUMP with OK');
  }

  onFailure(): void {
    // Whoever runs the connection sees its error.
  }

  #send(value: Command, key: KeyView, asking: boolean): void {
    this.#selection.use(key.db);
    // DUMP is a use of the key: how long ago the last one was has to be asked first.
    if (this.#usage !== undefined) this.#begin(this.#usage, key, asking);
    this.#begin(value, key, asking);
    if (this.#expiry !== undefined) this.#begin(this.#expiry, key, asking);
  }

  #begin(command: Command, { bytes, start, end }: KeyView, asking: boolean): void {
    if (asking) ask(this.#connection);
    this.#connection.begin(command, this).bytes(bytes, start, end);
  }

  /** Begins to wait for the key that was sent last. */
  #time(): void {
    this.#timedLeft = this.#keys.length;
    this.#timedKeys = this.#timedLeft;
    this.#timedBytes = 0;
    this.#timedSince = performance.now();
    this.#pauses = this.#connection.pauses;
  }

  /** So many keys were answered; `bytes` of payloads. */
  #count(keys: number, bytes: number): void {
    if (this.#timedLeft === 0) return;
    this.#timedBytes += bytes;
    this.#timedLeft -= keys;
    if (this.#timedLeft > 0) return;
    // What is long is on the line for a while: the source was done when it began to come.
    const end = bytes >= LONG_BYTES ? this.#connection.longReplySince : performance.now();
    const ms = Math.max(LEAST_MS, end - this.#timedSince);
    const isTold = this.#connection.pauses === this.#pauses;
    if (isTold) this.#options.observation?.onLatency(ms);
    if (this.#isAlone) {
      this.#isAlone = false;
      // Less than half of it is hardly the line.
      this.onAlone(isTold ? ms - Math.min(this.#window.roundTrip, ms / 2) : undefined);
    } else if (isTold) this.#window.took(this.#timedKeys, this.#timedBytes, ms);
  }

  /** Hands on the entries whose replies come next, as far as they are usual. Whether there may be more of them. */
  #readRun(run: ReplyRun): boolean {
    // The one that is waited for with a watch is the last of its run.
    const entries = this.#replies?.read(run, this.#keys, this.#timedLeft > 0 ? this.#timedLeft : MOST_ENTRIES);
    if (entries === undefined || entries.length === 0) return false;
    const { length, payloadBytes, longest } = entries;
    this.#count(length, payloadBytes);
    this.#window.observe(payloadBytes, length, longest);
    if (this.#sink.onDumps === undefined) this.#handOn(entries);
    else this.#sink.onDumps(entries);
    for (let i = 0; i < length; i++) this.#keys.drop();
    return true;
  }

  #handOn(entries: EntryRun): void {
    for (let i = 0; i < entries.length; i++) {
      entries.show(i, this.#entry);
      this.#sink.onDump(this.#entry);
    }
  }

  /** All replies about a key have come, not all of them usual. */
  #finish(payload: Reply, expiry: Reply): void {
    const used = this.#used;
    this.#used = undefined;
    this.#payload = undefined;
    const key = this.#keys.shift();
    this.#count(1, Buffer.isBuffer(payload) ? payload.length : 0);
    this.#conclude(key, payload, expiry, used);
  }

  #conclude(key: FoundKey, payload: Reply, expiry: Reply, used: Reply | undefined): void {
    const isLarge = this.#large.size > 0 && this.#large.has(key.key);
    const bytes = isLarge ? this.#large.get(key.key) : undefined;
    if (isLarge) this.#large.delete(key.key);
    if (payload instanceof ReplyError) this.#refused(key, payload);
    else if (expiry instanceof ReplyError) this.#refused(key, expiry);
    else if (!isExpiry(expiry)) this.#failProtocol(this.#expiry!);
    else if (!isUsage(used)) this.#failProtocol(this.#usage!);
    else if (isLarge ? payload !== 0 && payload !== 1 : !isPayload(payload))
      this.#failProtocol(isLarge ? EXISTS : DUMP);
    else if (payload === null || payload === 0 || expiry === GONE) this.#sink.onGone(key);
    else if (!Buffer.isBuffer(payload)) this.#deliver(key, null, expiry, used, bytes);
    else if (isEmptyDump(payload, 0, payload.length)) this.#tellEmpty(key);
    else {
      this.#window.observe(payload.length);
      if (payload.length > this.#options.bigKey) this.#deliver(key, null, expiry, used);
      else if (this.#options.fields === undefined) this.#deliver(key, payload, expiry, used);
      else this.#deliverWith(this.#options.fields, key, payload, expiry, used);
    }
  }

  #tellEmpty(key: FoundKey): void {
    if (this.#sink.onEmpty === undefined) this.#sink.onGone(key);
    else this.#sink.onEmpty(key);
  }

  #failProtocol({ name }: Command): void {
    failMisanswered(this.#connection, name);
  }

  #deliverWith(
    fields: FieldExpiries,
    key: FoundKey,
    payload: Buffer,
    expiry: Milliseconds,
    used: Reply | undefined,
  ): void {
    try {
      const carried = fields.payload(payload);
      if (carried === null) this.#sink.onGone(key);
      else this.#deliver(key, carried, expiry, used);
    } catch (error) {
      if (!(error instanceof PayloadError)) throw error;
      this.#sink.onRefused(key, error);
    }
  }

  /**
   * @param payload `null` where it is too large
   * @param bytes what a value takes that is not to be dumped
   */
  #deliver(
    found: FoundKey,
    payload: Buffer | null,
    expiry: Milliseconds,
    usedReply: Reply | undefined,
    bytes?: number,
  ): void {
    const { usage, fields, largeValueOf } = this.#options;
    const used = typeof usedReply === 'number' ? usedReply : UNKNOWN;
    const large = payload === null ? largeValueOf(found.db, found.key, bytes) : null;
    const idle = usage === 'idle' ? used : UNKNOWN;
    const frequency = usage === 'frequency' ? used : UNKNOWN;
    const expireAt = this.#expiryOf(expiry);
    const carried = large === null ? null : (fields?.large(large) ?? large);
    const kind = large === null ? 'value' : 'large';
    this.#entry.show({ ...found, kind, payload, large: carried, expireAt, idle, frequency });
    this.#sink.onDump(this.#entry);
    this.#entry.clear();
  }

  #expiryOf(expiry: Milliseconds): Milliseconds {
    return expireAtOf(expiry, this.#options.mode);
  }

  #refused(key: FoundKey, error: ReplyError): void {
    const scope = scopeOf(error);
    if (scope === 'key') this.#sink.onRefused(key, error);
    else if (scope === 'place') this.#sink.onElsewhere(key, error);
    else {
      // It is as lost as those behind it.
      this.#keys.push(key);
      this.#connection.fail(refusalOf(this.#connection.peer, 'read from', error));
    }
  }
}

function isPayload(reply: Reply): reply is Buffer | Oversized | null {
  return Buffer.isBuffer(reply) || reply === null || reply instanceof Oversized;
}

function isExpiry(reply: Reply): reply is Milliseconds {
  return (typeof reply === 'number' || typeof reply === 'bigint') && reply >= GONE;
}

/** A key that is gone has none; a server refuses the question where it counts otherwise. */
function isUsage(reply: Reply | undefined): boolean {
  return reply === undefined || reply === null || typeof reply === 'number' || reply instanceof ReplyError;
}
