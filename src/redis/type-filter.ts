// Sorts keys by TYPE, where SCAN itself cannot.

import { Command } from '../../resp/command.ts';
import { ReplyError } from '../../resp/errors.ts';
import type { Receiver, Reply } from '../../resp/reply.ts';
import type { Ring } from '../../resp/ring.ts';
import { PendingKeys } from './pending-keys.ts';
import type { Session } from './session.ts';

const TYPE = new Command('TYPE', 1);

export class TypeFilter implements Receiver {
  readonly #session: Session;
  readonly #type: string;
  readonly #onKey: (key: Buffer) => void;
  readonly #keys = new PendingKeys();

  /** @param onKey gets the keys of the type, and those of which the server would not say: reading them tells why */
  constructor(session: Session, type: string, onKey: (key: Buffer) => void) {
    this.#session = session;
    this.#type = type;
    this.#onKey = onKey;
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
    const key = this.#keys.shift();
    if (reply instanceof ReplyError || String(reply) === this.#type) this.#onKey(key);
  }

  onOks(): void {
    this.#session.connection.failProtocol('it answers TYPE with OK');
  }

  onFailure(): void {
    // Whoever runs the connection sees its error, and drains.
  }

  /** Hands out the keys whose type was never told. */
  drain(lost: (key: Buffer) => void): void {
    this.#keys.drain((_, key) => lost(key));
  }
}
