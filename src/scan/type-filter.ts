// Sorts keys by TYPE, where SCAN itself cannot.

import { Command } from '../../resp/command.ts';
import { ReplyError } from '../../resp/errors.ts';
import type { Receiver, Reply } from '../../resp/reply.ts';
import type { Ring } from '../../resp/ring.ts';
import { PendingKeys } from '../flow/pending-keys.ts';
import { refusalOf, scopeOf } from '../server/refusal.ts';
import type { Session } from '../server/session.ts';

const TYPE = new Command('TYPE', 1);

export interface TypeFilterSink {
  /** A key of the type, or one that is elsewhere by now. */
  onKey(key: Buffer): void;
  /** The server would not say of this key. */
  onRefused(db: number, key: Buffer, error: ReplyError): void;
}

export class TypeFilter implements Receiver {
  readonly #session: Session;
  readonly #type: string;
  readonly #sink: TypeFilterSink;
  readonly #keys = new PendingKeys();

  constructor(session: Session, type: string, sink: TypeFilterSink) {
    this.#session = session;
    this.#type = type;
    this.#sink = sink;
  }

  get inFlight(): number {
    return this.#keys.length;
  }

  /** Asks for as many of these as can be sent now, and takes them out. */
  send(db: number, keys: Ring<Buffer>): void {
    const { connection, selection } = this.#session;
    while (keys.length > 0 && !connection.full) {
      const key = keys.shift()!;
      selection.use(db);
      connection.begin(TYPE, this).bulk(key);
      this.#keys.push(db, key);
    }
  }

  onReply(reply: Reply): void {
    const { db } = this.#keys;
    const key = this.#keys.shift();
    if (reply instanceof ReplyError) this.#refused(db, key, reply);
    else if (!Buffer.isBuffer(reply)) this.#session.connection.failProtocol('it answers TYPE with something else');
    else if (reply.toString() === this.#type) this.#sink.onKey(key);
  }

  onOks(): void {
    this.#session.connection.failProtocol('it answers TYPE with OK');
  }

  onFailure(): void {
    // Whoever runs the connection sees its error, and drains.
  }

  #refused(db: number, key: Buffer, error: ReplyError): void {
    const { connection } = this.#session;
    const scope = scopeOf(error);
    if (scope === 'key') this.#sink.onRefused(db, key, error);
    else if (scope === 'place') this.#sink.onKey(key);
    else {
      this.#keys.push(db, key);
      connection.fail(refusalOf(connection.peer, 'read from', error));
    }
  }

  /** Hands out the keys whose type was never told. */
  drain(lost: (key: Buffer) => void): void {
    this.#keys.drain((_, key) => lost(key));
  }
}
