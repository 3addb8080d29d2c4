// One kind of question that many keys are asked, pipelined: each answer comes with the key that it is about.

import type { Command } from '../../resp/command.ts';
import type { Connection } from '../../resp/connection.ts';
import type { Receiver, Reply } from '../../resp/reply.ts';
import { PendingKeys } from '../flow/pending-keys.ts';
import type { Selection } from './session.ts';

export class Inquiry implements Receiver {
  readonly #connection: Connection;
  readonly #selection: Selection;
  readonly #onAnswer: (db: number, key: Buffer, reply: Reply) => void;
  /** Those that are not answered. */
  readonly keys = new PendingKeys();

  constructor(connection: Connection, selection: Selection, onAnswer: (db: number, key: Buffer, reply: Reply) => void) {
    this.#connection = connection;
    this.#selection = selection;
    this.#onAnswer = onAnswer;
  }

  ask(command: Command, db: number, key: Buffer): void {
    this.#selection.use(db);
    this.#connection.begin(command, this).bulk(key);
    this.keys.push(db, key);
  }

  onReply(reply: Reply): void {
    const { db } = this.keys;
    this.#onAnswer(db, this.keys.shift(), reply);
  }

  onOks(): void {
    this.#connection.failProtocol('it answers a question about a key with OK');
  }

  onFailure(): void {
    // Whoever runs the connection sees its error, and drains.
  }
}
