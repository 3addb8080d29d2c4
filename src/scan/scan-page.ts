// What is asked while a keyspace is walked: pages by SCAN, and the TYPE of their keys where SCAN itself cannot tell.

import { Buffer } from 'node:buffer';
import { Command } from '../../resp/command.ts';
import type { Connection } from '../../resp/connection.ts';
import { nameOf, ReplyError, RespError, type Peer } from '../../resp/errors.ts';
import { Literal } from '../../resp/literal.ts';
import type { Receiver, Reply } from '../../resp/reply.ts';
import type { Ring } from '../../resp/ring.ts';
import { Inquiry } from '../server/inquiry.ts';
import { refusalOf, scopeOf } from '../server/refusal.ts';
import { failMisanswered } from '../server/replies.ts';
import type { Session } from '../server/session.ts';

export interface ScanRequest {
  readonly cursor: string;
  readonly count: number;
  readonly match: Buffer | undefined;
  readonly type: string | undefined;
}

const COUNT = new Literal('$5\r\nCOUNT\r\n');
const MATCH = new Literal('$5\r\nMATCH\r\n');
const TYPE = new Literal('$4\r\nTYPE\r\n');
/** SCAN cursor COUNT n, with so many options behind. */
const SCAN = [new Command('SCAN', 3), new Command('SCAN', 5), new Command('SCAN', 7)];

const TYPE_OF = new Command('TYPE', 1);

export function sendScan(
  connection: Connection,
  receiver: Receiver,
  { cursor, count, match, type }: ScanRequest,
): void {
  const command = SCAN[(match === undefined ? 0 : 1) + (type === undefined ? 0 : 1)]!;
  const encoder = connection.begin(command, receiver);
  encoder.text(cursor);
  encoder.literal(COUNT);
  encoder.integer(count);
  if (match !== undefined) {
    encoder.literal(MATCH);
    encoder.bulk(match);
  }
  if (type !== undefined) {
    encoder.literal(TYPE);
    encoder.text(type);
  }
}

/** A cursor and the keys of its page. */
export function isPage(reply: Reply): reply is readonly [Buffer, readonly Buffer[]] {
  if (!Array.isArray(reply) || reply.length !== 2) return false;
  const [cursor, keys] = reply as readonly Reply[];
  return Buffer.isBuffer(cursor) && Array.isArray(keys) && keys.every((key) => Buffer.isBuffer(key));
}

export interface TypeFilterSink {
  /** A key of the type, or one that is elsewhere by now. */
  onKey(key: Buffer): void;
  /** The server would not say of this key. */
  onRefused(db: number, key: Buffer, error: ReplyError): void;
}

/** Sorts keys by TYPE, where SCAN itself cannot. */
export class TypeFilter {
  readonly #connection: Connection;
  readonly #type: string;
  readonly #sink: TypeFilterSink;
  readonly #inquiry: Inquiry;

  constructor({ connection, selection }: Session, type: string, sink: TypeFilterSink) {
    this.#connection = connection;
    this.#type = type;
    this.#sink = sink;
    this.#inquiry = new Inquiry(connection, selection, (db, key, reply) => this.#onType(db, key, reply));
  }

  get inFlight(): number {
    return this.#inquiry.keys.length;
  }

  /** Asks for as many of these as can be sent now, and takes them out. */
  send(db: number, keys: Ring<Buffer>): void {
    while (keys.length > 0 && !this.#connection.full) this.#inquiry.ask(TYPE_OF, db, keys.shift()!);
  }

  /** Hands out the keys whose type was never told. */
  drain(lost: (key: Buffer) => void): void {
    this.#inquiry.keys.drain((_, key) => lost(key));
  }

  #onType(db: number, key: Buffer, reply: Reply): void {
    if (reply instanceof ReplyError) this.#refused(db, key, reply);
    else if (!Buffer.isBuffer(reply)) failMisanswered(this.#connection, 'TYPE');
    else if (reply.toString() === this.#type) this.#sink.onKey(key);
  }

  #refused(db: number, key: Buffer, error: ReplyError): void {
    const scope = scopeOf(error);
    if (scope === 'key') this.#sink.onRefused(db, key, error);
    else if (scope === 'place') this.#sink.onKey(key);
    else {
      this.#inquiry.keys.push(db, key);
      this.#connection.fail(refusalOf(this.#connection.peer, 'read from', error));
    }
  }
}

/** Why a walk will not come to its end, whatever becomes of the connection. */
export class ScanError extends RespError {
  override readonly name = 'ScanError';
}

export function endless(peer: Peer, why: string): ScanError {
  const message = `Cannot scan ${nameOf(peer)}: ${why}, so it would never come to an end`;
  return new ScanError('SCAN_LOOP', message, { peer, hint: 'the server is broken, or the proxy in front of it' });
}
