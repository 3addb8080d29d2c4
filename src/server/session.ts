// One connection at work for several loops: each sleeps until something has moved on it, and hears when it has failed. What
// has to go before a command goes here: SELECT where the database changes, ASKING where a slot is on the move.

import type { Connection } from '../../resp/connection.ts';
import { nameOf, ReplyError, RespError, type Peer } from '../../resp/errors.ts';
import type { Receiver, Reply } from '../../resp/reply.ts';
import { Wakeup } from '../flow/wakeup.ts';
import { judged, refusalOf, scopeOf } from './refusal.ts';
import type { Server } from './server.ts';
import { Command } from '../../resp/command.ts';

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
