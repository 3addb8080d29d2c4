// Counts keys by their type and by the memory that the server says they take, without reading a value.

import { Command } from '../../resp/command.ts';
import type { Connection } from '../../resp/connection.ts';
import { ReplyError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import { Inquiry } from '../server/inquiry.ts';
import { failMisanswered } from '../server/replies.ts';
import type { Selection } from '../server/session.ts';
import type { KeyReader, KeySink } from './key-reader.ts';
import { refusalOf, scopeOf } from '../server/refusal.ts';

export interface CensusSink extends KeySink {
  /** @param bytes `undefined` where the server would not say */
  onCounted(type: string, bytes: number | undefined): void;
}

const TYPE = new Command('TYPE', 1);
const MEMORY_USAGE = new Command('MEMORY USAGE', 1);
const GONE = 'none';

export class Census implements KeyReader {
  readonly #connection: Connection;
  readonly #depth: number;
  readonly #sink: CensusSink;
  readonly #types: Inquiry;
  readonly #memory: Inquiry;
  /** The reply of TYPE while that of MEMORY USAGE is still to come. */
  #type: Reply = null;

  constructor(connection: Connection, selection: Selection, depth: number, sink: CensusSink) {
    this.#connection = connection;
    this.#depth = depth;
    this.#sink = sink;
    this.#types = new Inquiry(connection, selection, (_db, _key, reply) => (this.#type = reply));
    this.#memory = new Inquiry(connection, selection, (db, key, reply) => this.#finish(db, key, this.#type, reply));
  }

  get inFlight(): number {
    return this.#memory.keys.length;
  }

  get hasRoom(): boolean {
    return this.inFlight < this.#depth && !this.#connection.full;
  }

  send(db: number, key: Buffer, asking: boolean): void {
    this.#types.ask(TYPE, db, key, asking);
    this.#memory.ask(MEMORY_USAGE, db, key, asking);
  }

  drain(lost: (db: number, key: Buffer) => void): void {
    this.#types.keys.drain(() => {});
    this.#memory.keys.drain(lost);
  }

  #finish(db: number, key: Buffer, type: Reply, bytes: Reply): void {
    if (type instanceof ReplyError) return this.#refused(db, key, type);
    if (!Buffer.isBuffer(type)) return failMisanswered(this.#connection, 'TYPE');
    const name = type.toString();
    if (name === GONE) this.#sink.onGone(db, key);
    // A nil of MEMORY USAGE is no word about the key: some servers and proxies have no other.
    else this.#sink.onCounted(name, typeof bytes === 'number' ? bytes : undefined);
  }

  #refused(db: number, key: Buffer, error: ReplyError): void {
    const scope = scopeOf(error);
    if (scope === 'place') this.#sink.onElsewhere(db, key, error);
    else if (scope === 'key') this.#sink.onRefused(db, key, error);
    else {
      this.#memory.keys.push(db, key);
      this.#connection.fail(refusalOf(this.#connection.peer, 'read from', error));
    }
  }
}
