// Counts keys by their type and by the memory that the server says they take, without reading a value.

import { Command } from '../../resp/command.ts';
import type { Connection } from '../../resp/connection.ts';
import { ReplyError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import type { FoundKey } from '../flow/key-id.ts';
import type { KeyQueue } from '../flow/key-queue.ts';
import { Inquiry, type Selection } from '../server/session.ts';
import { failMisanswered } from '../server/replies.ts';
import type { KeyReader, KeySink } from './key-reader.ts';
import { refusalOf, scopeOf } from '../server/refusal.ts';

export interface CensusSink extends KeySink {
  /** @param bytes `undefined` where the server would not say */
  onCounted(type: string, bytes: number | undefined, page: number): void;
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
    this.#types = new Inquiry(connection, selection, (keys, reply) => {
      keys.drop();
      this.#type = reply;
    });
    this.#memory = new Inquiry(connection, selection, (keys, reply) => this.#finish(keys, this.#type, reply));
  }

  get inFlight(): number {
    return this.#memory.keys.length;
  }

  get hasRoom(): boolean {
    return this.inFlight < this.#depth && !this.#connection.full;
  }

  send(key: FoundKey, asking: boolean): void {
    this.#types.ask(TYPE, key, asking);
    this.#memory.ask(MEMORY_USAGE, key, asking);
  }

  sendNext(keys: KeyQueue): number {
    this.#types.askAbout(TYPE, keys.head!);
    this.#memory.askHead(MEMORY_USAGE, keys);
    return 1;
  }

  drain(lost: (key: FoundKey) => void): void {
    this.#types.keys.drain(() => {});
    this.#memory.keys.drain(lost);
  }

  #finish(keys: KeyQueue, type: Reply, bytes: Reply): void {
    if (type instanceof ReplyError) return this.#refused(keys, type);
    if (!Buffer.isBuffer(type)) return failMisanswered(this.#connection, 'TYPE');
    const name = type.toString();
    if (name === GONE) return this.#sink.onGone(keys.shift());
    // A nil of MEMORY USAGE is no word about the key: some servers and proxies have no other.
    this.#sink.onCounted(name, typeof bytes === 'number' ? bytes : undefined, keys.head!.page);
    keys.drop();
  }

  #refused(keys: KeyQueue, error: ReplyError): void {
    const scope = scopeOf(error);
    if (scope === 'place') this.#sink.onElsewhere(keys.shift(), error);
    else if (scope === 'key') this.#sink.onRefused(keys.shift(), error);
    // The key is as lost as those behind it.
    else this.#connection.fail(refusalOf(this.#connection.peer, 'read from', error));
  }
}
