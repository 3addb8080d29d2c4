// One connection at work for several loops: each sleeps until something has moved on it, and hears when it has failed. What
// has to go before a command goes here: SELECT where the database changes, ASKING where a slot is on the move.

import { Command } from '../../resp/command.ts';
import type { Connection } from '../../resp/connection.ts';
import { nameOf, ReplyError, RespError, type Peer } from '../../resp/errors.ts';
import type { Receiver, Reply } from '../../resp/reply.ts';
import type { FoundKey } from '../flow/key-id.ts';
import { KeyQueue, keyViewOf, type KeyView } from '../flow/key-queue.ts';
import { Wakeup } from '../flow/wakeup.ts';
import { judged, refusalOf, scopeOf } from './refusal.ts';
import { failMisanswered } from './replies.ts';
import type { Server } from './server.ts';

export class Session {
  readonly server: Server;
  readonly connection: Connection;
  readonly selection: Selection;
  readonly #wakeup = new Wakeup();

  constructor(server: Server) {
    this.server = server;
    this.connection = server.connection;
    this.selection = new Selection(server.connection, server.db);
    this.connection.onProgress(() => this.#wakeup.wake());
  }

  get peer(): Peer {
    return this.connection.peer;
  }

  /** Settles when replies have come, when there is room to write again, and at `wake`. Rejects once the connection failed. */
  async progress(): Promise<void> {
    if (this.connection.error === undefined) await this.#wakeup.sleep();
    if (this.connection.error !== undefined) throw this.connection.error;
  }

  wake(): void {
    this.#wakeup.wake();
  }

  /** @throws RespError; one that may pass where the server serves nobody now */
  async request(name: string, ...args: readonly (string | Buffer)[]): Promise<Reply> {
    try {
      return await this.connection.request(name, ...args);
    } catch (error) {
      if (error instanceof ReplyError && scopeOf(error) === 'server') {
        throw refusalOf(this.connection.peer, 'read from', error);
      }
      throw error;
    }
  }
}

const SELECT = new Command('SELECT', 1);

export class Selection implements Receiver {
  readonly #connection: Connection;
  #db: number;

  /** @param db the database that the connection is in now */
  constructor(connection: Connection, db: number) {
    this.#connection = connection;
    this.#db = db;
  }

  /** The commands that follow are for this database. */
  use(db: number): void {
    if (db === this.#db) return;
    this.#connection.begin(SELECT, this).integer(db);
    this.#db = db;
  }

  onOks(): void {}

  onReply(reply: Reply): void {
    if (!(reply instanceof ReplyError)) return;
    const { peer, readOnly } = this.#connection;
    const message = `Cannot change the database at ${nameOf(peer)}: ${reply.message}`;
    const error = new RespError(reply.code, message, { peer, cause: reply });
    this.#connection.fail(judged(error, peer, readOnly === undefined ? 'write to' : 'read from') as RespError);
  }

  onFailure(): void {
    // Whoever runs the connection sees its error.
  }
}

const ASKING = new Command('ASKING', 0);

/** It is always `+OK`; whether the slot was right, the command behind it says. */
const NOBODY: Receiver = { onReply() {}, onOks() {}, onFailure() {} };

export function ask(connection: Connection): void {
  connection.begin(ASKING, NOBODY);
}

/** @param keys whose head the answer is about: whoever hears it takes that out */
type OnAnswer = (keys: KeyQueue, reply: Reply) => void;

/** One kind of question that many keys are asked, pipelined: each answer finds its key at the head of a queue. */
export class Inquiry implements Receiver {
  readonly #connection: Connection;
  readonly #selection: Selection;
  readonly #onAnswer: OnAnswer;
  /** Those that are not answered. */
  readonly keys = new KeyQueue();

  constructor(connection: Connection, selection: Selection, onAnswer: OnAnswer) {
    this.#connection = connection;
    this.#selection = selection;
    this.#onAnswer = onAnswer;
  }

  /** @param asking whether the key may be at a node that is only taking its slot over */
  ask(command: Command, key: FoundKey, asking = false): void {
    this.askAbout(command, keyViewOf(key), asking);
  }

  /** The same of a key where it lies. */
  askAbout(command: Command, key: KeyView, asking = false): void {
    this.#begin(command, key, asking);
    this.keys.pushView(key);
  }

  /** The same of the key that is next in the queue, which is taken out of it. */
  askHead(command: Command, keys: KeyQueue): void {
    this.#begin(command, keys.head!, false);
    this.keys.take(keys);
  }

  #begin(command: Command, key: KeyView, asking: boolean): void {
    this.#selection.use(key.db);
    if (asking) ask(this.#connection);
    this.#connection.begin(command, this).bytes(key.bytes, key.start, key.end);
  }

  onReply(reply: Reply): void {
    this.#onAnswer(this.keys, reply);
  }

  onOks(): void {
    failMisanswered(this.#connection, 'a question about a key');
  }

  onFailure(): void {
    // Whoever runs the connection sees its error, and drains.
  }
}
