// Which database a pipelined connection is in: SELECT goes out only where it changes.

import { Command } from '../../resp/command.ts';
import type { Connection } from '../../resp/connection.ts';
import { nameOf, ReplyError, RespError } from '../../resp/errors.ts';
import type { Receiver, Reply } from '../../resp/reply.ts';
import { judged } from './refusal.ts';

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
    this.#connection.fail(judged(error, peer, readOnly ? 'read from' : 'write to') as RespError);
  }

  onFailure(): void {
    // Whoever runs the connection sees its error.
  }
}
