// Reads values: DUMP and the expiry of each key, pipelined, with no more on the way than the source should have to hold.

import { Buffer } from 'node:buffer';
import { Command } from '../../resp/command.ts';
import type { Connection } from '../../resp/connection.ts';
import { ReplyError } from '../../resp/errors.ts';
import type { Receiver, Reply } from '../../resp/reply.ts';
import { Ring } from '../../resp/ring.ts';
import { DumpWindow } from './dump-window.ts';
import { NEVER, type ExpiryMode } from './expiry.ts';
import { endsTheCopy, refusalOf } from './refusal.ts';

export interface DumpSink {
  /** `expireAt` as in `Entry`. */
  onDump(key: Buffer, payload: Buffer, expireAt: number): void;
  /** Deleted or expired since it was seen. */
  onGone(): void;
  /** The source would not give the value of this key. */
  onReadRefused(key: Buffer, error: ReplyError): void;
}

export interface DumpOptions {
  readonly mode: ExpiryMode;
  /** Most keys under way at once. */
  readonly depth: number;
}

const DUMP = new Command('DUMP', 1);
const PEXPIRETIME = new Command('PEXPIRETIME', 1);
const PTTL = new Command('PTTL', 1);

/** What PTTL and PEXPIRETIME answer for a key that is not there. */
const GONE = -2;

export class DumpReader implements Receiver {
  readonly #connection: Connection;
  readonly #sink: DumpSink;
  readonly #expiry: Command | undefined;
  readonly #window: DumpWindow;
  readonly #keys = new Ring<Buffer>();
  /** The reply of DUMP while that of the expiry is still to come. */
  #payload: Reply | undefined;

  constructor(connection: Connection, options: DumpOptions, sink: DumpSink) {
    this.#connection = connection;
    this.#sink = sink;
    this.#expiry = { exact: PEXPIRETIME, relative: PTTL, dropped: undefined }[options.mode];
    this.#window = new DumpWindow(options.depth);
  }

  /** Keys that were asked for and are not answered. */
  get inFlight(): number {
    return this.#keys.length;
  }

  /** Whether one more key may be asked for now. */
  get hasRoom(): boolean {
    return this.#keys.length < this.#window.size && !this.#connection.full;
  }

  send(key: Buffer): void {
    this.#connection.begin(DUMP, this).bulk(key);
    if (this.#expiry !== undefined) this.#connection.begin(this.#expiry, this).bulk(key);
    this.#keys.push(key);
  }

  onReply(reply: Reply): void {
    if (this.#expiry === undefined) this.#finish(reply, NEVER);
    else if (this.#payload === undefined) this.#payload = reply;
    else {
      const payload = this.#payload;
      this.#payload = undefined;
      this.#finish(payload, reply);
    }
  }

  onOks(): void {
    this.#connection.failProtocol('it answers DUMP with OK');
  }

  onFailure(): void {
    // Whoever runs the connection sees its error and ends the copy.
  }

  #finish(payload: Reply, expiry: Reply): void {
    const key = this.#keys.shift()!;
    if (payload === null || expiry === GONE) this.#sink.onGone();
    else if (payload instanceof ReplyError) this.#onRefused(key, payload);
    else if (expiry instanceof ReplyError) this.#onRefused(key, expiry);
    else if (!Buffer.isBuffer(payload) || typeof expiry !== 'number') {
      this.#connection.failProtocol('it answers DUMP with something else');
    } else {
      this.#window.observe(payload.length);
      this.#sink.onDump(key, payload, this.#expiry === PTTL && expiry >= 0 ? performance.now() + expiry : expiry);
    }
  }

  #onRefused(key: Buffer, error: ReplyError): void {
    if (endsTheCopy(error)) this.#connection.fail(refusalOf(this.#connection.peer, 'read from', error));
    else this.#sink.onReadRefused(key, error);
  }
}
