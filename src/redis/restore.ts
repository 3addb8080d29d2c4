// Writes values: one RESTORE a key, pipelined, and every reply held against the key it belongs to.

import { Buffer } from 'node:buffer';
import { Command } from '../../resp/command.ts';
import type { Connection } from '../../resp/connection.ts';
import { ReplyError } from '../../resp/errors.ts';
import { Literal } from '../../resp/literal.ts';
import type { Receiver, Reply } from '../../resp/reply.ts';
import { Ring } from '../../resp/ring.ts';
import type { Entry } from '../entry.ts';
import { KeyFilter } from './key-filter.ts';
import { NEVER, type ExpiryMode } from './expiry.ts';
import { endsTheCopy, refusalOf } from './refusal.ts';

export interface RestoreSink {
  /** So many more keys are on the target, with so many bytes of keys and payloads. */
  onRestored(keys: number, bytes: number): void;
  /** The target would not take this key. */
  onWriteRefused(key: Buffer, error: ReplyError): void;
  /** SCAN gave a key once more, and the target has it since the first time. */
  onRepeated(): void;
}

export interface RestoreOptions {
  readonly mode: ExpiryMode;
  /** Whether a key that is there already is replaced; otherwise the target answers `BUSYKEY`. */
  readonly replace: boolean;
  /** How many keys are expected. */
  readonly keys: number;
  /** Most keys under way at once. */
  readonly depth: number;
}

/** RESTORE key ttl payload, with so many options behind. */
const RESTORE = [new Command('RESTORE', 3), new Command('RESTORE', 4), new Command('RESTORE', 5)] as const;
const REPLACE = new Literal('$7\r\nREPLACE\r\n');
const ABSTTL = new Literal('$6\r\nABSTTL\r\n');

export class RestoreWriter implements Receiver {
  readonly #connection: Connection;
  readonly #sink: RestoreSink;
  readonly #mode: ExpiryMode;
  readonly #replace: boolean;
  readonly #depth: number;
  /** Only without REPLACE: then a `BUSYKEY` may be about a key that was written a moment ago. */
  readonly #written: KeyFilter | undefined;
  readonly #keys = new Ring<Buffer>();
  readonly #sizes = new Ring<number>();
  /** Kept only where they may be needed for a proof. */
  readonly #payloads = new Ring<Buffer>();
  #proofs = 0;

  constructor(connection: Connection, options: RestoreOptions, sink: RestoreSink) {
    this.#connection = connection;
    this.#mode = options.mode;
    this.#replace = options.replace;
    this.#depth = options.depth;
    this.#written = options.replace ? undefined : new KeyFilter(options.keys);
    this.#sink = sink;
  }

  get inFlight(): number {
    return this.#keys.length + this.#proofs;
  }

  /** Whether one more entry may be sent now. */
  get hasRoom(): boolean {
    return this.#keys.length < this.#depth && !this.#connection.full;
  }

  /** @param now by the clock of `entry.expireAt`; the entry must not have expired by it */
  send(entry: Entry, payload: Buffer, now: number): void {
    const absolute = this.#mode === 'exact' && entry.expireAt !== NEVER;
    const ttl = entry.expireAt === NEVER ? 0 : absolute ? entry.expireAt : Math.ceil(entry.expireAt - now);
    const command = absolute ? (this.#replace ? RESTORE[2] : RESTORE[1]) : this.#replace ? RESTORE[1] : RESTORE[0];
    const encoder = this.#connection.begin(command, this);
    encoder.bulk(entry.key);
    encoder.integer(ttl);
    encoder.bulk(payload);
    if (this.#replace) encoder.literal(REPLACE);
    if (absolute) encoder.literal(ABSTTL);
    this.#keys.push(entry.key);
    this.#sizes.push(entry.key.length + payload.length);
    if (this.#written !== undefined) this.#payloads.push(payload);
  }

  onOks(count: number): void {
    let bytes = 0;
    for (let i = 0; i < count; i++) {
      const key = this.#keys.shift()!;
      if (this.#written !== undefined) {
        this.#payloads.shift();
        this.#written.add(key);
      }
      bytes += this.#sizes.shift()!;
    }
    this.#sink.onRestored(count, bytes);
  }

  onReply(reply: Reply): void {
    if (reply instanceof ReplyError) {
      this.#onRefused(reply);
    } else if (Buffer.isBuffer(reply) && reply.toString() === 'OK') this.onOks(1);
    else this.#connection.failProtocol('it answers RESTORE with something else than OK or an error');
  }

  onFailure(): void {
    // Whoever runs the connection sees its error and ends the copy.
  }

  #onRefused(error: ReplyError): void {
    this.#sizes.shift();
    const key = this.#keys.shift()!;
    const payload = this.#payloads.shift();
    if (endsTheCopy(error)) this.#connection.fail(refusalOf(this.#connection.peer, 'write to', error));
    else if (error.code === 'BUSYKEY' && payload !== undefined && this.#written?.has(key) === true) {
      this.#proofs++;
      void this.#proveRepeated(key, payload, error);
    } else this.#sink.onWriteRefused(key, error);
  }

  /** The filter may be mistaken: a key counts as given twice only where the target has this very value. */
  async #proveRepeated(key: Buffer, payload: Buffer, error: ReplyError): Promise<void> {
    // A target that will not say proves nothing.
    const found = await this.#connection.request('DUMP', key).catch(() => null);
    this.#proofs--;
    if (Buffer.isBuffer(found) && found.equals(payload)) this.#sink.onRepeated();
    else this.#sink.onWriteRefused(key, error);
    // Whoever waits for `inFlight` to fall must look again: this came later than the reply.
    this.#connection.onProgress();
  }
}
