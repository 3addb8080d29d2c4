// Reads one database of one server: SCAN pages and the DUMPs of their keys, on one pipelined connection.

import { Buffer } from 'node:buffer';
import { Command } from '../../resp/command.ts';
import type { Connection } from '../../resp/connection.ts';
import { ReplyError } from '../../resp/errors.ts';
import { Literal } from '../../resp/literal.ts';
import type { Receiver, Reply } from '../../resp/reply.ts';
import { Ring } from '../../resp/ring.ts';
import type { Channel } from '../channel.ts';
import { depthFor } from '../redis/depth.ts';
import { DumpReader, type DumpSink } from '../redis/dump.ts';
import type { ExpiryMode } from '../redis/expiry.ts';
import { KeyspaceScan } from '../redis/keyspace-scan.ts';
import { endsTheCopy, refusalOf } from '../redis/refusal.ts';
import type { Server } from '../redis/server.ts';
import { Wakeup } from '../wakeup.ts';
import type { Source } from './source.ts';

export interface RedisSourceOptions {
  readonly mode: ExpiryMode;
  /** SCAN COUNT. */
  readonly count?: number | undefined;
  /** The number of the database that the entries are for. */
  readonly targetDb: number;
}

/** What a source tells of keys that do not come to be entries. */
export type RedisSourceSink = Omit<DumpSink, 'onDump'>;

const SCAN = new Command('SCAN', 3);
const COUNT = new Literal('$5\r\nCOUNT\r\n');
const DEFAULT_COUNT = 1000;
/** Over a line with a longer round trip, in milliseconds, one page a round trip is what bounds the speed. */
const LONG_LINE_MS = 1;
const MOST_SEGMENTS = 16;

export class RedisSource implements Source {
  readonly #connection: Connection;
  readonly #count: number;
  readonly #targetDb: number;
  readonly #depth: number;
  readonly #scan: KeyspaceScan;
  readonly #dumps: DumpReader;
  /** Keys of the pages that have come, not yet asked for. */
  readonly #keys = new Ring<Buffer>();
  readonly #wakeup = new Wakeup();
  readonly #pages: Receiver;
  #channel: Channel | undefined;

  constructor(server: Server, options: RedisSourceOptions, sink: RedisSourceSink) {
    this.#connection = server.connection;
    this.#count = options.count ?? DEFAULT_COUNT;
    this.#targetDb = options.targetDb;
    this.#depth = depthFor(server.roundTrip);
    this.#scan = new KeyspaceScan({
      count: this.#count,
      keys: server.keys,
      maxSegments: server.roundTrip > LONG_LINE_MS ? MOST_SEGMENTS : 1,
    });
    this.#dumps = new DumpReader(
      this.#connection,
      { mode: options.mode, depth: this.#depth },
      {
        onDump: (key, payload, expireAt) => this.#onDump(key, payload, expireAt),
        onGone: () => sink.onGone(),
        onReadRefused: (key, error) => sink.onReadRefused(key, error),
      },
    );
    this.#pages = {
      onReply: (reply) => this.#onPage(reply),
      onOks: () => this.#connection.failProtocol('it answers SCAN with OK'),
      onFailure: () => {},
    };
    this.#connection.onProgress = () => this.#wakeup.wake();
  }

  /** How much of the keyspace was walked, 0 to 1. */
  get fraction(): number {
    return this.#scan.fraction;
  }

  async read(channel: Channel): Promise<void> {
    this.#channel = channel;
    while (!(await this.#isDone())) {
      this.#askForPages();
      this.#askForValues(channel);
      if (channel.room > 0) await this.#wakeup.sleep();
      else await this.#waitForRoom(channel);
    }
  }

  stop(reason: Error): void {
    this.#connection.fail(reason);
  }

  async #isDone(): Promise<boolean> {
    if (this.#connection.error !== undefined) throw this.#connection.error;
    if (!this.#scan.finished || this.#keys.length > 0 || this.#dumps.inFlight > 0) return false;
    if (this.#scan.mode !== 'segmented') return true;
    return this.#scan.settle((await this.#connection.request('DBSIZE')) as number);
  }

  /** With fewer keys in hand than may be under way, the next pages travel with the DUMPs of these. */
  #askForPages(): void {
    while (this.#keys.length + this.#scan.inFlight * this.#count < this.#depth) {
      const cursor = this.#scan.next();
      if (cursor === undefined) return;
      const encoder = this.#connection.begin(SCAN, this.#pages);
      encoder.text(cursor);
      encoder.literal(COUNT);
      encoder.integer(this.#count);
    }
  }

  /** Every key that is asked for has its place in the channel already. */
  #askForValues(channel: Channel): void {
    while (this.#keys.length > 0 && this.#dumps.hasRoom && channel.room > this.#dumps.inFlight) {
      this.#dumps.send(this.#keys.shift()!);
    }
  }

  /** The target is behind: the source is not read from until there is room again. */
  async #waitForRoom(channel: Channel): Promise<void> {
    this.#connection.pause();
    await channel.writable();
    this.#connection.resume();
  }

  #onDump(key: Buffer, payload: Buffer, expireAt: number): void {
    if (this.#channel?.isOpen === true) this.#channel.push(this.#targetDb, key, payload, expireAt);
  }

  #onPage(reply: Reply): void {
    if (reply instanceof ReplyError) {
      const ends = endsTheCopy(reply) || !this.#scan.refuse();
      if (ends) this.stop(refusalOf(this.#connection.peer, 'read from', reply));
      return;
    }
    if (!isPage(reply)) return this.#connection.failProtocol('it answers SCAN with something else than a page');
    const [cursor, keys] = reply;
    for (const key of this.#scan.accept(cursor.toString('latin1'), keys)) this.#keys.push(key);
  }
}

/** A cursor and the keys of its page. */
function isPage(reply: Reply): reply is readonly [Buffer, readonly Buffer[]] {
  if (!Array.isArray(reply) || reply.length !== 2) return false;
  const [cursor, keys] = reply as readonly Reply[];
  return Buffer.isBuffer(cursor) && Array.isArray(keys) && keys.every((key) => Buffer.isBuffer(key));
}
