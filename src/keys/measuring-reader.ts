// Measures keys before they are dumped, as long as the server can hold values that are too large for it, or take long.

import type { FoundKey } from '../flow/key-id.ts';
import type { Observation } from '../flow/observation.ts';
import { Command } from '../../resp/command.ts';
import type { Connection } from '../../resp/connection.ts';
import { ReplyError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import { Ring } from '../../resp/ring.ts';
import { KeyQueue } from '../flow/key-queue.ts';
import type { DumpReader } from './dump.ts';
import { Inquiry, type Selection } from '../server/session.ts';
import type { KeyReader, KeySink } from './key-reader.ts';
import { MemoryAccount } from './memory-account.ts';
import { SMALLEST_PIECE, type TransferLimits } from '../server/transfer-limits.ts';
import { refusalOf, scopeOf } from '../server/refusal.ts';
import type { ServiceTimes } from './service-times.ts';
import type { ServerInfo } from '../server/info.ts';

const MEMORY_USAGE = new Command('MEMORY USAGE', 1);
const TYPE = new Command('TYPE', 1);
/** Where the server will not say how much memory a key takes: how many bytes a string has, and how many elements another. */
const STRLEN = new Command('STRLEN', 1);
const COUNTS: ReadonlyMap<string, Command> = new Map(
  Object.entries({ list: 'LLEN', set: 'SCARD', zset: 'ZCARD', hash: 'HLEN', stream: 'XLEN' }).map(([type, name]) => [
    type,
    new Command(name, 1),
  ]),
);
/** Keys that may be asked about, or wait, while others are dumped. */
const MOST_AHEAD = 1024;
/** Bytes that an element is taken for. */
export const ELEMENT_BYTES = 64;

export interface MeasuringOptions {
  readonly info: ServerInfo;
  readonly times: ServiceTimes;
  /** What makes a value large, however soon it is dumped. */
  readonly limits: TransferLimits;
  /** Whether nothing else makes one large. */
  readonly bySize: boolean;
  /** What hears how long a value has taken. */
  readonly observation?: Observation | undefined;
}

/** A value that may take long, and waits until no other one does. */
interface LongValue extends FoundKey {
  readonly type: string;
  readonly bytes: number;
}

export class MeasuringReader implements KeyReader {
  readonly #connection: Connection;
  readonly #dump: DumpReader;
  readonly #sink: KeySink;
  readonly #options: MeasuringOptions;
  #bigKey: number;
  /** Bytes of the smallest value that the account looks for. */
  #leastLarge: number;
  #account: MemoryAccount;
  readonly #memory: Inquiry;
  readonly #types: Inquiry;
  #info: ServerInfo;
  readonly #lengths: Inquiry;
  readonly #counts: Inquiry;
  /** How large values are that are read in pieces in any case. */
  readonly #sizes: Inquiry;
  readonly #inquiries: readonly Inquiry[];
  /** What is known of keys whose type is asked for. */
  readonly #bytes = new Map<Buffer, number>();
  /** Keys that were measured, and wait for room in the window of DUMPs. */
  readonly #measured = new KeyQueue();
  readonly #waiting = new Ring<LongValue>();
  #alone: LongValue | undefined;
  /** Whether the server says how much memory a key takes. */
  #isMemoryTold = true;

  constructor(
    connection: Connection,
    selection: Selection,
    dump: DumpReader,
    options: MeasuringOptions,
    sink: KeySink,
  ) {
    this.#connection = connection;
    this.#dump = dump;
    this.#sink = sink;
    this.#options = options;
    dump.onAlone = (ms) => this.#onAlone(ms);
    this.#bigKey = options.limits.valueBytes;
    this.#info = options.info;
    this.#leastLarge = this.#leastLargeNow;
    this.#account = this.#newAccount();
    this.#memory = new Inquiry(connection, selection, (keys, reply) => this.#onMemory(keys, reply));
    this.#types = new Inquiry(connection, selection, (keys, reply) => this.#onType(keys, reply));
    this.#lengths = new Inquiry(connection, selection, (keys, reply) => this.#onCount(keys, reply, 1));
    this.#counts = new Inquiry(connection, selection, (keys, reply) => this.#onCount(keys, reply, ELEMENT_BYTES));
    this.#sizes = new Inquiry(connection, selection, (keys, reply) => this.#onSize(keys, reply));
    this.#inquiries = [this.#memory, this.#types, this.#lengths, this.#counts, this.#sizes];
  }

  get inFlight(): number {
    return this.#taken + this.#dump.inFlight;
  }

  get hasRoom(): boolean {
    if (this.#isAhead) return this.#taken < MOST_AHEAD && !this.#connection.full;
    return this.#dump.roomBeside(this.#taken) > 0;
  }

  goOn(): void {
    while (this.#measured.length > 0 && this.#dump.hasRoom) this.#dump.sendHead(this.#measured);
  }

  send(key: FoundKey, asking: boolean): void {
    if (this.#leastLargeNow < this.#leastLarge) this.#reopen();
    // A key on the move is dumped at once: what is too large then is seen when it comes.
    if (asking || !this.#account.isOpen) this.#dump.send(key, asking);
    else if (this.#isMemoryTold) this.#memory.ask(MEMORY_USAGE, key);
    else this.#types.ask(TYPE, key);
  }

  sendNext(keys: KeyQueue, most: number): number {
    if (this.#leastLargeNow < this.#leastLarge) this.#reopen();
    if (!this.#account.isOpen) return this.#dump.sendNext(keys, most, this.#taken);
    if (this.#isMemoryTold) this.#memory.askHead(MEMORY_USAGE, keys);
    else this.#types.askHead(TYPE, keys);
    return 1;
  }

  sendLarge(key: FoundKey): void {
    this.#dump.sendLarge(key);
  }

  sendBreaking(key: FoundKey): void {
    this.#sizes.ask(MEMORY_USAGE, key);
  }

  drain(lost: (key: FoundKey) => void, waiting = lost): void {
    for (const { keys } of this.#inquiries) keys.drain(lost);
    this.#measured.drain(waiting);
    for (let value = this.#waiting.shift(); value !== undefined; value = this.#waiting.shift()) waiting(value);
    this.#dump.drain(lost);
  }

  /**
   * Whether questions go ahead of the DUMPs: over a long line a window that opens costs two round trips a step otherwise, and near
   * by a source has nothing to do while rump works.
   */
  get #isAhead(): boolean {
    return this.#account.isOpen && this.#isMemoryTold;
  }

  get #taken(): number {
    return this.#asked + this.#measured.length + this.#waiting.length;
  }

  get #asked(): number {
    const one = this.#memory.keys.length + this.#types.keys.length + this.#lengths.keys.length;
    return one + this.#counts.keys.length + this.#sizes.keys.length;
  }

  /** Less is large from now on than was when all was accounted for. */
  grew(info: ServerInfo): void {
    if (info.usedByValues - this.#info.usedByValues < this.#leastLarge) return;
    this.#info = info;
    this.#reopen();
  }

  #reopen(): void {
    this.#bigKey = this.#options.limits.valueBytes;
    this.#leastLarge = this.#leastLargeNow;
    this.#account = this.#newAccount();
  }

  /** A server bears less than was thought, or may take less time. */
  get #leastLargeNow(): number {
    const { limits, times } = this.#options;
    return Math.min(limits.valueBytes, times.leastInPieces);
  }

  #newAccount(): MemoryAccount {
    return new MemoryAccount(this.#info, this.#leastLarge);
  }

  /** Whether the value is there at all, the next question tells. */
  #onSize(keys: KeyQueue, reply: Reply): void {
    if (!this.#mayGoOn(keys, reply)) return;
    const bytes = typeof reply === 'number' ? reply : Infinity;
    if (bytes < Infinity) this.#options.limits.valueBroke(bytes);
    // There would be one piece, which is the whole: it may have been chance.
    if (bytes <= SMALLEST_PIECE) this.#dump.sendHead(keys);
    else this.#dump.sendLarge(keys.shift(), bytes < Infinity ? bytes : undefined);
  }

  #onMemory(keys: KeyQueue, reply: Reply): void {
    if (typeof reply === 'number') {
      this.#account.observe(reply);
      if (reply < this.#bigKey && reply < this.#options.times.leastAlone) {
        this.#dump.foresee(reply);
        return this.#sendInTurn(keys);
      }
      const key = keys.shift();
      this.#bytes.set(key.key, reply);
      return this.#types.ask(TYPE, key);
    }
    if (!this.#mayGoOn(keys, reply)) return;
    // A nil does not say that the key is gone: some servers and proxies have no other answer.
    if (reply !== null) this.#isMemoryTold = false;
    this.#types.askHead(TYPE, keys);
  }

  /** The value of the next key may go beside others, of as many as there is room for: so many more may have been asked about. */
  #sendInTurn(keys: KeyQueue): void {
    if (this.#measured.length === 0 && this.#dump.hasRoom) this.#dump.sendHead(keys);
    else this.#measured.take(keys);
  }

  #onType(keys: KeyQueue, reply: Reply): void {
    const type = reply instanceof ReplyError ? undefined : String(reply);
    const { own } = keys.head!;
    const bytes = own && this.#bytes.get(own);
    if (bytes !== undefined) this.#bytes.delete(own!);
    if (bytes !== undefined) {
      if (this.#mayGoOn(keys, reply)) this.#pass(keys, type ?? '', bytes);
    } else if (type === 'string') this.#lengths.askHead(STRLEN, keys);
    else if (type !== undefined && COUNTS.has(type)) this.#counts.askHead(COUNTS.get(type)!, keys);
    // What else there is, a module's value or one that is gone or refused, DUMP will tell.
    else if (this.#mayGoOn(keys, reply)) this.#pass(keys, '', 0);
  }

  #onCount(keys: KeyQueue, reply: Reply, weight: number): void {
    if (typeof reply === 'number') this.#pass(keys, weight === 1 ? 'string' : '', reply * weight);
    else if (this.#mayGoOn(keys, reply)) this.#pass(keys, '', 0);
  }

  /** @param bytes how large the value of the next key is, about */
  #pass(keys: KeyQueue, type: string, bytes: number): void {
    const { times, bySize } = this.#options;
    const manner = times.mannerOf(type, bytes);
    const inPieces = bytes > this.#bigKey || (manner === 'pieces' && !bySize);
    if (!inPieces && manner === 'beside') return this.#sendInTurn(keys);
    const key = keys.shift();
    if (inPieces) return this.#dump.sendLarge(key, bytes);
    this.#waiting.push({ ...key, type, bytes });
    this.#sendAlone();
  }

  #sendAlone(): void {
    if (this.#alone !== undefined) return;
    this.#alone = this.#waiting.shift();
    if (this.#alone !== undefined) this.#dump.sendAlone(this.#alone);
  }

  #onAlone(ms: number | undefined): void {
    const { type, bytes } = this.#alone!;
    const { times, observation } = this.#options;
    if (ms !== undefined) {
      times.observe(type, bytes, ms);
      observation?.onAlone(this.#alone!, type, bytes, ms);
    }
    this.#alone = undefined;
    this.#sendAlone();
  }

  /** Whether the next key can be asked about further: only this question was refused, if any; all else is seen to. */
  #mayGoOn(keys: KeyQueue, reply: Reply): boolean {
    if (!(reply instanceof ReplyError)) return true;
    const scope = scopeOf(reply);
    if (scope === 'key') return true;
    if (scope === 'place') this.#sink.onElsewhere(keys.shift(), reply);
    // The key is as lost as those behind it.
    else this.#connection.fail(refusalOf(this.#connection.peer, 'read from', reply));
    return false;
  }
}
