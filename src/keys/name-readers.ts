// Readers of keys that want no value: one hands on the names, the other asks which of them the server has.

import { Command } from '../../resp/command.ts';
import type { Connection } from '../../resp/connection.ts';
import { ReplyError } from '../../resp/errors.ts';
import type { Receiver, Reply } from '../../resp/reply.ts';
import { Ring } from '../../resp/ring.ts';
import { ask, type Selection } from '../server/session.ts';
import type { KeyReader, KeySink } from './key-reader.ts';
import { refusalOf, scopeOf } from '../server/refusal.ts';
import { failMisanswered } from '../server/replies.ts';
import type { Entry } from '../flow/entry.ts';
import { newEntry } from '../flow/entry-ring.ts';

export interface ExistenceSink extends KeySink {
  /** Of each key that is there; `onGone` is of the others. */
  onThere(db: number, key: Buffer): void;
}

export interface ExistenceOptions {
  /** Most keys under way at once. */
  readonly depth: number;
  /** Most keys of one command: 1 in a cluster, where keys of one command have to be of one slot. */
  readonly most: number;
}

/** Keys that one command has asked about. */
interface Batch {
  readonly db: number;
  readonly keys: readonly Buffer[];
}

/** More of them make the command no cheaper, and hold up the other clients of that server. */
export const NAMES_OF_A_COMMAND = 128;

/** Asks about many keys in one EXISTS, and one by one only where not all of them are there. */
export class ExistenceReader implements Receiver, KeyReader {
  readonly #connection: Connection;
  readonly #selection: Selection;
  readonly #options: ExistenceOptions;
  readonly #sink: ExistenceSink;
  readonly #batches = new Ring<Batch>();
  readonly #commands = new Map<number, Command>();
  #db = 0;
  /** Keys of `#db` that go with the next command, at the end of this turn. */
  #gathered: Buffer[] = [];
  #inFlight = 0;

  constructor(connection: Connection, selection: Selection, options: ExistenceOptions, sink: ExistenceSink) {
    this.#connection = connection;
    this.#selection = selection;
    this.#options = options;
    this.#sink = sink;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get hasRoom(): boolean {
    return this.#inFlight < this.#options.depth && !this.#connection.full;
  }

  send(db: number, key: Buffer, asking: boolean): void {
    this.#inFlight++;
    if (asking || this.#options.most === 1) return this.#ask(db, [key], asking);
    if (this.#gathered.length > 0 && this.#db !== db) this.#flush();
    this.#db = db;
    this.#gathered.push(key);
    if (this.#gathered.length === this.#options.most) this.#flush();
    else if (this.#gathered.length === 1) queueMicrotask(() => this.#flush());
  }

  drain(lost: (db: number, key: Buffer) => void): void {
    for (let batch = this.#batches.shift(); batch !== undefined; batch = this.#batches.shift()) {
      for (const key of batch.keys) lost(batch.db, key);
    }
    for (const key of this.#gathered) lost(this.#db, key);
    this.#gathered = [];
    this.#inFlight = 0;
  }

  onReply(reply: Reply): void {
    const { db, keys } = this.#batches.shift()!;
    if (reply instanceof ReplyError) return this.#refused(db, keys, reply);
    if (typeof reply !== 'number' || reply < 0 || reply > keys.length)
      return failMisanswered(this.#connection, 'EXISTS');
    if (reply > 0 && reply < keys.length) {
      for (const key of keys) this.#ask(db, [key], false);
      return;
    }
    this.#inFlight -= keys.length;
    for (const key of keys) {
      if (reply === 0) this.#sink.onGone(db, key);
      else this.#sink.onThere(db, key);
    }
  }

  onOks(): void {
    failMisanswered(this.#connection, 'EXISTS');
  }

  onFailure(): void {
    // Whoever runs the connection sees its error.
  }

  #flush(): void {
    if (this.#gathered.length === 0 || this.#connection.error !== undefined) return;
    const keys = this.#gathered;
    this.#gathered = [];
    this.#ask(this.#db, keys, false);
  }

  #ask(db: number, keys: readonly Buffer[], asking: boolean): void {
    if (this.#connection.error === undefined) {
      this.#selection.use(db);
      if (asking) ask(this.#connection);
      const encoder = this.#connection.begin(this.#commandFor(keys.length), this);
      for (const key of keys) encoder.bulk(key);
    }
    this.#batches.push({ db, keys });
  }

  #commandFor(keys: number): Command {
    const known = this.#commands.get(keys);
    if (known !== undefined) return known;
    const command = new Command('EXISTS', keys);
    this.#commands.set(keys, command);
    return command;
  }

  #refused(db: number, keys: readonly Buffer[], error: ReplyError): void {
    const scope = scopeOf(error);
    if (scope === 'server') {
      // They are as lost as those behind them.
      this.#batches.push({ db, keys });
      return this.#connection.fail(refusalOf(this.#connection.peer, 'read from', error));
    }
    // One of them may be what the user must not see.
    if (keys.length > 1) {
      for (const key of keys) this.#ask(db, [key], false);
      return;
    }
    this.#inFlight--;
    if (scope === 'place') this.#sink.onElsewhere(db, keys[0]!, error);
    else this.#sink.onRefused(db, keys[0]!, error);
  }
}

/** Asks nothing: each key is handed on by its name, where a walk is all that is wanted. */
export class NameReader implements KeyReader {
  readonly inFlight = 0;
  readonly hasRoom = true;
  readonly #entry = newEntry();
  readonly #onName: (entry: Entry) => void;

  /** @param onName the entry has no payload, and is used again: copy what is kept */
  constructor(onName: (entry: Entry) => void) {
    this.#onName = onName;
  }

  send(db: number, key: Buffer): void {
    this.#entry.db = db;
    this.#entry.key = key;
    this.#onName(this.#entry);
  }

  drain(): void {}
}
