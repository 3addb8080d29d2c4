// Entries as RESTORE frames: for a server one at a time, and as a stream that any RESP tool can replay, with the way of its
// bytes into a Node stream.

import { Command } from '../../resp/command.ts';
import { Encoder } from '../../resp/encoder.ts';
import { Literal } from '../../resp/literal.ts';
import { Parts } from '../../resp/parts.ts';
import { NEVER, type Milliseconds } from '../rdb/milliseconds.ts';
import type { Buffer } from 'node:buffer';
import type { Writable } from 'node:stream';
import type { EntryView } from '../flow/entry-view.ts';
import { Wakeup } from '../flow/wakeup.ts';

/** Of which a frame is made. */
export interface Frame {
  db: number;
  key: Buffer;
  payload: Buffer | Parts;
  /** Since 1970, or `NEVER`. */
  expireAt: Milliseconds;
  /** Seconds since the last use; -1 for none. */
  idle: number;
  /** 0 to 255; -1 for none. */
  frequency: number;
}

const PING = new Command('PING', 1);
const SELECT = new Command('SELECT', 1);
/** RESTORE key ttl payload, with so many words behind. */
const RESTORE = [0, 1, 2, 3, 4].map((words) => new Command('RESTORE', 3 + words));
const REPLACE = new Literal('$7\r\nREPLACE\r\n');
const ABSTTL = new Literal('$6\r\nABSTTL\r\n');
const IDLETIME = new Literal('$8\r\nIDLETIME\r\n');
const FREQ = new Literal('$4\r\nFREQ\r\n');

/**
 * The RESTORE that has these options, which `endRestore` writes: key, ttl and payload go between.
 * @param isAbsolute whether the ttl is a time since 1970
 */
export function restoreWith(replaces: boolean, isAbsolute: boolean, idle: number, frequency: number): Command {
  return RESTORE[(replaces ? 1 : 0) + (isAbsolute ? 1 : 0) + (idle >= 0 || frequency >= 0 ? 2 : 0)]!;
}

/** What stands behind the payload. */
export function endRestore(
  encoder: Encoder,
  replaces: boolean,
  isAbsolute: boolean,
  idle: number,
  frequency: number,
): void {
  if (replaces) encoder.literal(REPLACE);
  if (isAbsolute) encoder.literal(ABSTTL);
  // RESTORE takes one of them.
  if (frequency >= 0) {
    encoder.literal(FREQ);
    encoder.integer(frequency);
  } else if (idle >= 0) {
    encoder.literal(IDLETIME);
    encoder.integer(idle);
  }
}

/** Turns entries into frames. It knows no file. */
export class FrameEncoder {
  readonly bytes: Encoder;
  /** Where a connection begins, and so a replay. */
  #db = 0;

  /** @param onChunk called when there is enough to take from `bytes` */
  constructor(onChunk: () => void) {
    this.bytes = new Encoder(onChunk);
  }

  restore({ db, key, expireAt, idle, frequency }: Omit<Frame, 'payload'>, payload: Frame['payload']): void {
    const bytes = this.bytes;
    this.#begin(db, expireAt, idle, frequency);
    bytes.bulk(key);
    bytes.integer(expireAt === NEVER ? 0 : expireAt);
    if (payload instanceof Parts) bytes.bulkParts(payload);
    else bytes.bulk(payload);
    this.#end(expireAt, idle, frequency);
  }

  /** The same of an entry where it lies; database and expiry are those of the frame. */
  restoreView(entry: EntryView, db: number, expireAt: Milliseconds): void {
    const bytes = this.bytes;
    const { idle, frequency } = entry;
    this.#begin(db, expireAt, idle, frequency);
    bytes.bytes(entry.keyIn, entry.keyAt, entry.keyEnd);
    bytes.integer(expireAt === NEVER ? 0 : expireAt);
    bytes.bytes(entry.payloadIn, entry.payloadAt, entry.payloadEnd);
    this.#end(expireAt, idle, frequency);
  }

  /** Does nothing at a server, and tells whoever reads the stream where it is. */
  ping(message: string): void {
    this.bytes.command(PING);
    this.bytes.text(message);
  }

  /** Leaves a replay as it found it: another stream may follow. */
  goHome(): void {
    if (this.#db !== 0) this.#select(0);
  }

  #begin(db: number, expireAt: Milliseconds, idle: number, frequency: number): void {
    if (db !== this.#db) this.#select(db);
    this.bytes.command(restoreWith(true, expireAt !== NEVER, idle, frequency));
  }

  /** SCAN may give a key twice: without REPLACE the second one would be refused at the replay. */
  #end(expireAt: Milliseconds, idle: number, frequency: number): void {
    endRestore(this.bytes, true, expireAt !== NEVER, idle, frequency);
  }

  #select(db: number): void {
    this.#db = db;
    this.bytes.command(SELECT);
    this.bytes.integer(db);
  }
}

/** Hands pieces of bytes to a stream, says when to wait for it, and when they have left. It knows no frames. */
export class PieceWriter {
  readonly #stream: Writable;
  readonly #wakeup = new Wakeup();
  readonly #onError: (error: unknown) => void;
  #underWay = 0;
  #error: unknown;

  /** @param onError called when nothing more can be written */
  constructor(stream: Writable, onError: (error: unknown) => void) {
    this.#stream = stream;
    this.#onError = onError;
    stream.on('error', (error) => this.#fail(error));
    stream.on('drain', () => this.#wakeup.wake());
  }

  /** Whether the stream has enough to do. */
  get isFull(): boolean {
    return this.#stream.writableNeedDrain;
  }

  /** Whether everything has left. */
  get isEmpty(): boolean {
    return this.#underWay === 0;
  }

  /** Why nothing more can be written. */
  get error(): unknown {
    return this.#error;
  }

  /** @param onWritten called when all of it has left */
  write(pieces: readonly Buffer[], onWritten: () => void): void {
    if (this.#error !== undefined) return;
    this.#underWay++;
    const done = (error: Error | null | undefined): void => {
      if (error) return this.#fail(error);
      this.#underWay--;
      onWritten();
      this.#wakeup.wake();
    };
    // Together they make one system call.
    this.#stream.cork();
    for (let i = 0; i < pieces.length - 1; i++) this.#stream.write(pieces[i]);
    this.#stream.write(pieces.at(-1), done);
    this.#stream.uncork();
  }

  /** Returns when something has changed, or after so many milliseconds. */
  async progress(ms: number): Promise<void> {
    const timer = setTimeout(() => this.#wakeup.wake(), ms);
    await this.#wakeup.sleep();
    clearTimeout(timer);
  }

  #fail(error: unknown): void {
    if (this.#error === undefined) {
      this.#error = error;
      this.#onError(error);
    }
    this.#wakeup.wake();
  }
}
