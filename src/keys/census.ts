// Counts keys by their type and by the memory that the server says they take, without reading a value.

import { Command } from '../../resp/command.ts';
import type { Connection } from '../../resp/connection.ts';
import { ReplyError } from '../../resp/errors.ts';
import type { Receiver, Reply } from '../../resp/reply.ts';
import { ask, type Selection } from '../server/session.ts';
import type { KeyReader, KeySink } from './key-reader.ts';
import { PendingKeys } from '../flow/pending-keys.ts';
import { refusalOf, scopeOf } from '../server/refusal.ts';

export interface CensusSink extends KeySink {
  /** @param bytes `undefined` where the server would not say */
  onCounted(type: string, bytes: number | undefined): void;
}

const TYPE = new Command('TYPE', 1);
const MEMORY_USAGE = new Command('MEMORY USAGE', 1);
const GONE = 'none';

export class Census implements Receiver, KeyReader {
  readonly #connection: Connection;
  readonly #selection: Selection;
  readonly #depth: number;
  readonly #sink: CensusSink;
  readonly #keys = new PendingKeys();
  /** The reply of TYPE while that of MEMORY USAGE is still to come. */
  #type: Reply | undefined;

  constructor(connection: Connection, selection: Selection, depth: number, sink: CensusSink) {
    this.#connection = connection;
    this.#selection = selection;
    this.#depth = depth;
    this.#sink = sink;
  }

  get inFlight(): number {
    return this.#keys.length;
  }

  get hasRoom(): boolean {
    return this.#keys.length < this.#depth && !this.#connection.full;
  }

  send(db: number, key: Buffer, asking: boolean): void {
    this.#selection.use(db);
    for (const command of [TYPE, MEMORY_USAGE]) {
      if (asking) ask(this.#connection);
      this.#connection.begin(command, this).bulk(key);
    }
    this.#keys.push(db, key);
  }

  drain(lost: (db: number, key: Buffer) => void): void {
    this.#keys.drain(lost);
  }

  onReply(reply: Reply): void {
    if (this.#type === undefined) this.#type = reply;
    else this.#finish(this.#type, reply);
  }

  onOks(): void {
    this.#connection.failProtocol('it answers TYPE with OK');
  }

  onFailure(): void {
    // Whoever runs the connection sees its error.
  }

  #finish(type: Reply, bytes: Reply): void {
    this.#type = undefined;
    const { db } = this.#keys;
    const key = this.#keys.shift();
    if (type instanceof ReplyError) return this.#refused(db, key, type);
    if (!Buffer.isBuffer(type)) return this.#connection.failProtocol('it answers TYPE with something else');
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
      this.#keys.push(db, key);
      this.#connection.fail(refusalOf(this.#connection.peer, 'read from', error));
    }
  }
}
