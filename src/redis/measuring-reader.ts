// Measures keys before they are dumped, as long as the server can hold values that are too large for it.

import { Command } from '../../resp/command.ts';
import type { Connection } from '../../resp/connection.ts';
import { ReplyError } from '../../resp/errors.ts';
import type { Receiver, Reply } from '../../resp/reply.ts';
import { Ring } from '../../resp/ring.ts';
import type { DumpReader } from './dump.ts';
import type { KeyReader, KeySink } from './key-reader.ts';
import { MemoryAccount } from './memory-account.ts';
import { PendingKeys } from './pending-keys.ts';
import { refusalOf, scopeOf } from './refusal.ts';
import type { Selection } from './selection.ts';
import type { ServerInfo } from './info.ts';

const MEMORY_USAGE = new Command('MEMORY USAGE', 1);
const TYPE = new Command('TYPE', 1);
/** Where the server will not say how much memory a key takes: how many elements it has, and of a string how many bytes. */
const COUNTS: ReadonlyMap<string, Command> = new Map(
  Object.entries({ string: 'STRLEN', list: 'LLEN', set: 'SCARD', zset: 'ZCARD', hash: 'HLEN', stream: 'XLEN' }).map(
    ([type, name]) => [type, new Command(name, 1)],
  ),
);
/** Bytes that an element is taken for. */
const ELEMENT_BYTES = 64;

export class MeasuringReader implements KeyReader, Receiver {
  readonly #connection: Connection;
  readonly #selection: Selection;
  readonly #dump: DumpReader;
  readonly #sink: KeySink;
  readonly #bigKey: number;
  readonly #account: MemoryAccount;
  readonly #measured = new PendingKeys();
  /** Those whose elements are counted, and what an element is taken for. */
  readonly #counted = new PendingKeys();
  readonly #weights = new Ring<number>();
  #isMemoryTold = true;
  readonly #counts: Receiver = {
    onReply: (reply) => this.#onCount(reply),
    onOks: () => this.onOks(),
    onFailure: () => {},
  };

  constructor(
    connection: Connection,
    selection: Selection,
    dump: DumpReader,
    { info, bigKey }: { readonly info: ServerInfo; readonly bigKey: number },
    sink: KeySink,
  ) {
    this.#connection = connection;
    this.#selection = selection;
    this.#dump = dump;
    this.#sink = sink;
    this.#bigKey = bigKey;
    this.#account = new MemoryAccount(info, bigKey);
  }

  get inFlight(): number {
    return this.#measured.length + this.#counted.length + this.#dump.inFlight;
  }

  get hasRoom(): boolean {
    return this.#dump.hasRoomBeside(this.#measured.length + this.#counted.length);
  }

  send(db: number, key: Buffer, asking: boolean): void {
    // A key on the move is dumped at once: what is too large then is seen when it comes.
    if (asking || !this.#account.isOpen) return this.#dump.send(db, key, asking);
    this.#selection.use(db);
    this.#connection.begin(this.#isMemoryTold ? MEMORY_USAGE : TYPE, this).bulk(key);
    this.#measured.push(db, key);
  }

  drain(lost: (db: number, key: Buffer) => void): void {
    this.#measured.drain(lost);
    this.#counted.drain(lost);
    this.#dump.drain(lost);
  }

  onReply(reply: Reply): void {
    const { db } = this.#measured;
    const key = this.#measured.shift();
    if (reply instanceof ReplyError) this.#refused(db, key, reply);
    else if (typeof reply === 'number') {
      this.#account.observe(reply);
      this.#pass(db, key, reply);
    } else if (Buffer.isBuffer(reply)) this.#count(db, key, reply.toString());
    else this.#sink.onGone(db, key);
  }

  onOks(): void {
    this.#connection.failProtocol('it answers MEMORY USAGE with OK');
  }

  onFailure(): void {
    // Whoever runs the connection sees its error, and drains.
  }

  /** It is known by now how large the value is, about. */
  #pass(db: number, key: Buffer, bytes: number): void {
    if (bytes > this.#bigKey) this.#dump.sendLarge(db, key);
    else this.#dump.send(db, key, false);
  }

  /** A type that has no count is that of a module, which cannot be read in pieces. */
  #count(db: number, key: Buffer, type: string): void {
    const command = COUNTS.get(type);
    if (command === undefined) return this.#dump.send(db, key, false);
    this.#selection.use(db);
    this.#connection.begin(command, this.#counts).bulk(key);
    this.#counted.push(db, key);
    this.#weights.push(type === 'string' ? 1 : ELEMENT_BYTES);
  }

  #onCount(reply: Reply): void {
    const { db } = this.#counted;
    const key = this.#counted.shift();
    const weight = this.#weights.shift()!;
    // What else it is, DUMP will meet as well.
    this.#pass(db, key, typeof reply === 'number' ? reply * weight : 0);
  }

  #refused(db: number, key: Buffer, error: ReplyError): void {
    const scope = scopeOf(error);
    if (scope === 'place') return this.#sink.onElsewhere(db, key, error);
    if (scope === 'server') {
      this.#measured.push(db, key);
      return this.#connection.fail(refusalOf(this.#connection.peer, 'read from', error));
    }
    this.#isMemoryTold = false;
    // What is too large is still seen when it comes; the keys behind it are counted.
    this.#dump.send(db, key, false);
  }
}
