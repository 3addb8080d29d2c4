// One kind of question that many keys are asked, pipelined: each answer finds the key that it is about at the head of a queue.

import type { Command } from '../../resp/command.ts';
import type { Connection } from '../../resp/connection.ts';
import type { Receiver, Reply } from '../../resp/reply.ts';
import { KeyQueue, keyViewOf, type KeyView } from '../flow/key-queue.ts';
import { failMisanswered } from './replies.ts';
import { ask, type Selection } from './session.ts';

/** @param keys whose head the answer is about: whoever hears it takes that out */
export type OnAnswer = (keys: KeyQueue, reply: Reply) => void;

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
    this.askAbout(command, keyViewOf(db, key), asking);
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
