// One kind of question that many keys are asked, pipelined: each answer comes with the key that it is about.

import type { Command } from '../../resp/command.ts';
import type { Connection } from '../../resp/connection.ts';
import type { Receiver, Reply } from '../../resp/reply.ts';
import { KeyQueue } from '../flow/key-queue.ts';
import { failMisanswered } from './replies.ts';
import { ask, type Selection } from './session.ts';

export type OnAnswer = (db: number, key: Buffer, reply: Reply) => void;

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
  ask(command: Command, db: number, key: Buffer, asking = false): void {
    this.#selection.use(db);
    if (asking) ask(this.#connection);
    this.#connection.begin(command, this).bulk(key);
    this.keys.push(db, key);
  }

  onReply(reply: Reply): void {
    const { db } = this.keys.head!;
    this.#onAnswer(db, this.keys.shift(), reply);
  }

  onOks(): void {
    failMisanswered(this.#connection, 'a question about a key');
  }

  onFailure(): void {
    // Whoever runs the connection sees its error, and drains.
  }
}
