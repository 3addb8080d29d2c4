// Readers of keys that want no value: one hands on the names, the others ask which of them the server has, of any type or of one.

import { Command } from '../../resp/command.ts';
import type { Connection } from '../../resp/connection.ts';
import { ReplyError } from '../../resp/errors.ts';
import type { Receiver, Reply } from '../../resp/reply.ts';
import { Ring } from '../../resp/ring.ts';
import { ask, Inquiry, type Selection } from '../server/session.ts';
import type { KeyReader, KeySink } from './key-reader.ts';
import { refusalOf, scopeOf } from '../server/refusal.ts';
import { Bytes } from '../../resp/bytes.ts';
import { EntryView } from '../flow/entry-view.ts';
import type { FoundKey } from '../flow/key-id.ts';
import { KeyQueue, type KeyView } from '../flow/key-queue.ts';
import { failMisanswered } from '../server/replies.ts';

export interface ExistenceSink extends KeySink {
  /** Of each key that is there, which holds until the call returns; `onGone` is of the others. */
  onThere(key: KeyView): void;
}

export interface ExistenceOptions {
  /** Most keys under way at once. */
  readonly depth: number;
  /** Most keys of one command: 1 in a cluster, where keys of one command have to be of one slot. */
  readonly most: number;
}

/** More of them make the command no cheaper, and hold up the other clients of that server. */
export const NAMES_OF_A_COMMAND = 128;

/** Asks about many keys in one EXISTS, and one by one only where not all of them are there. */
export class ExistenceReader implements Receiver, KeyReader {
  readonly #connection: Connection;
  readonly #selection: Selection;
  readonly #options: ExistenceOptions;
  readonly #sink: ExistenceSink;
  readonly #commands = new Map<number, Command>();
  /** Keys that were sent, and how many of them each command asks about. */
  readonly #asked = new KeyQueue();
  readonly #batches = new Ring<number>();
  /** Keys of one database that go with the next command, at the end of this turn. */
  readonly #gathered = new KeyQueue();

  constructor(connection: Connection, selection: Selection, options: ExistenceOptions, sink: ExistenceSink) {
    this.#connection = connection;
    this.#selection = selection;
    this.#options = options;
    this.#sink = sink;
  }

  get inFlight(): number {
    return this.#asked.length + this.#gathered.length;
  }

  get hasRoom(): boolean {
    return this.inFlight < this.#options.depth && !this.#connection.full;
  }

  send(key: FoundKey, asking: boolean): void {
    this.#makeRoom(key.db, asking);
    this.#gathered.push(key);
    this.#gather(asking);
  }

  sendNext(keys: KeyQueue): number {
    this.#makeRoom(keys.head!.db, false);
    this.#gathered.take(keys);
    this.#gather(false);
    return 1;
  }

  drain(lost: (key: FoundKey) => void): void {
    while (this.#batches.length > 0) this.#batches.shift();
    this.#asked.drain(lost);
    this.#gathered.drain(lost);
  }

  onReply(reply: Reply): void {
    const keys = this.#batches.shift()!;
    if (reply instanceof ReplyError) return this.#refused(keys, reply);
    if (typeof reply !== 'number' || reply < 0 || reply > keys) return failMisanswered(this.#connection, 'EXISTS');
    if (reply > 0 && reply < keys) return this.#askOneByOne(keys);
    for (let i = 0; i < keys; i++) {
      const key = this.#asked.head!;
      if (reply > 0) {
        this.#sink.onThere(key);
        this.#asked.drop();
      } else {
        this.#sink.onGone(this.#asked.shift());
      }
    }
  }

  onOks(): void {
    failMisanswered(this.#connection, 'EXISTS');
  }

  onFailure(): void {
    // Whoever runs the connection sees its error.
  }

  /** A command asks in one database, and ASKING is for one key. */
  #makeRoom(db: number, asking: boolean): void {
    if (this.#gathered.length > 0 && (asking || this.#gathered.head!.db !== db)) this.#flush();
  }

  #gather(asking: boolean): void {
    if (asking || this.#gathered.length === this.#options.most) this.#flush(asking);
    else if (this.#gathered.length === 1) queueMicrotask(() => this.#flush());
  }

  #flush(asking = false): void {
    if (this.#gathered.length > 0 && this.#connection.error === undefined)
      this.#ask(this.#gathered, this.#gathered.length, asking);
  }

  /** Asks about so many of the queue, which are taken out of it. */
  #ask(from: KeyQueue, keys: number, asking: boolean): void {
    this.#selection.use(from.head!.db);
    if (asking) ask(this.#connection);
    const encoder = this.#connection.begin(this.#commandFor(keys), this);
    for (let i = 0; i < keys; i++) {
      const key = from.head!;
      encoder.bytes(key.bytes, key.start, key.end);
      this.#asked.take(from);
    }
    this.#batches.push(keys);
  }

  /** Those that were answered first go to the end. */
  #askOneByOne(keys: number): void {
    for (let i = 0; i < keys && this.#connection.error === undefined; i++) this.#ask(this.#asked, 1, false);
  }

  #commandFor(keys: number): Command {
    const known = this.#commands.get(keys);
    if (known !== undefined) return known;
    const command = new Command('EXISTS', keys);
    this.#commands.set(keys, command);
    return command;
  }

  #refused(keys: number, error: ReplyError): void {
    const scope = scopeOf(error);
    // They are as lost as those behind them.
    if (scope === 'server') return this.#connection.fail(refusalOf(this.#connection.peer, 'read from', error));
    // One of them may be what the user must not see.
    if (keys > 1) return this.#askOneByOne(keys);
    if (scope === 'place') this.#sink.onElsewhere(this.#asked.shift(), error);
    else this.#sink.onRefused(this.#asked.shift(), error);
  }
}

export interface TypeOptions {
  /** Most keys under way at once. */
  readonly depth: number;
  /** As TYPE names it: a key of another one is as good as gone. */
  readonly type: string;
}

const TYPE = new Command('TYPE', 1);

/** Asks whether there is a key of the type. */
export class TypeReader implements KeyReader {
  readonly #connection: Connection;
  readonly #options: TypeOptions;
  readonly #sink: ExistenceSink;
  readonly #inquiry: Inquiry;

  constructor(connection: Connection, selection: Selection, options: TypeOptions, sink: ExistenceSink) {
    this.#connection = connection;
    this.#options = options;
    this.#sink = sink;
    this.#inquiry = new Inquiry(connection, selection, (keys, reply) => this.#onType(keys, reply));
  }

  get inFlight(): number {
    return this.#inquiry.keys.length;
  }

  get hasRoom(): boolean {
    return this.inFlight < this.#options.depth && !this.#connection.full;
  }

  send(key: FoundKey, asking: boolean): void {
    this.#inquiry.ask(TYPE, key, asking);
  }

  sendNext(keys: KeyQueue): number {
    this.#inquiry.askHead(TYPE, keys);
    return 1;
  }

  drain(lost: (key: FoundKey) => void): void {
    this.#inquiry.keys.drain(lost);
  }

  #onType(keys: KeyQueue, reply: Reply): void {
    if (reply instanceof ReplyError) return this.#refused(keys, reply);
    if (!Buffer.isBuffer(reply)) return failMisanswered(this.#connection, 'TYPE');
    if (reply.toString() !== this.#options.type) return this.#sink.onGone(keys.shift());
    this.#sink.onThere(keys.head!);
    keys.drop();
  }

  #refused(keys: KeyQueue, error: ReplyError): void {
    const scope = scopeOf(error);
    if (scope === 'place') this.#sink.onElsewhere(keys.shift(), error);
    else if (scope === 'key') this.#sink.onRefused(keys.shift(), error);
    // The key is as lost as those behind it.
    else this.#connection.fail(refusalOf(this.#connection.peer, 'read from', error));
  }
}

/** Asks nothing: each key is handed on by its name, where a walk is all that is wanted. */
export class NameReader implements KeyReader {
  readonly inFlight = 0;
  readonly hasRoom = true;
  readonly #entry = new EntryView();
  readonly #onName: (entry: EntryView) => void;

  /** @param onName the entry holds until the call returns */
  constructor(onName: (entry: EntryView) => void) {
    this.#onName = onName;
  }

  send({ db, key, page }: FoundKey): void {
    this.#entry.db = db;
    this.#entry.page = page;
    this.#entry.showKey(new Bytes(key), 0, key.length);
    this.#onName(this.#entry);
  }

  sendNext(keys: KeyQueue): number {
    const { db, page, bytes, start, end } = keys.head!;
    this.#entry.db = db;
    this.#entry.page = page;
    this.#entry.showKey(bytes, start, end);
    keys.drop();
    this.#onName(this.#entry);
    return 1;
  }

  drain(): void {}
}
