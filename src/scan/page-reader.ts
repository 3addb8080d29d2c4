// Reads the pages of a walk on one connection, as many at once as the scan allows, and only while few keys are in hand. The
// SCAN command, the page that answers it, and the TYPE of keys where SCAN itself cannot tell.

import { Command } from '../../resp/command.ts';
import type { Connection } from '../../resp/connection.ts';
import { ReplyError, type Peer, nameOf, RespError } from '../../resp/errors.ts';
import { Literal } from '../../resp/literal.ts';
import type { Receiver, Reply, ReplyRun } from '../../resp/reply.ts';
import type { Ring } from '../../resp/ring.ts';
import type { FoundKey } from '../flow/key-id.ts';
import type { KeyQueue, KeyView } from '../flow/key-queue.ts';
import { Inquiry, type Session } from '../server/session.ts';
import { Buffer } from 'node:buffer';
import { kindOf, refusalOf, scopeOf } from '../server/refusal.ts';
import { failMisanswered } from '../server/replies.ts';
import { depthFor } from '../server/transfer-limits.ts';
import type { PageLedger } from './page-ledger.ts';
import type { KeyScope } from './key-scope.ts';
import type { KeyspaceScan } from './keyspace-scan.ts';
import { PageView } from './page-view.ts';

/** What was found on all pages of a walk, whichever connection they came on. */
export interface Found {
  /** Keys in scope that are to be read. */
  readonly keys: KeyQueue;
  /** Keys whose type is to be asked for, where SCAN itself cannot tell. */
  readonly untyped: Ring<FoundKey>;
}

export interface PageReaderOptions {
  readonly db: number;
  /** What keeps account of the pages, and of which walk they are. */
  readonly ledger: PageLedger;
  readonly walk: object;
  readonly scope: KeyScope;
  /** Keys that the walk is for; all where it is missing. */
  readonly wanted?: ((key: Buffer) => boolean) | undefined;
}

export interface PageReaderSink {
  /** A page has come. */
  onPage(): void;
  /** So many more keys are to be read. */
  onFound(keys: number): void;
  /** The server would not say of this key whether it is in scope. */
  onRefused(db: number, key: Buffer, error: ReplyError, page: number): void;
  /** The server is loading data, which may be others than before. */
  onLoading(): void;
}

const COUNT = new Literal('$5\r\nCOUNT\r\n');
const MATCH = new Literal('$5\r\nMATCH\r\n');
const TYPE = new Literal('$4\r\nTYPE\r\n');
/** SCAN cursor COUNT n, with so many options behind. */
const SCAN = [new Command('SCAN', 3), new Command('SCAN', 5), new Command('SCAN', 7)];
const TYPE_OF = new Command('TYPE', 1);

export class PageReader implements Receiver {
  readonly #session: Session;
  readonly #scan: KeyspaceScan;
  readonly #found: Found;
  readonly #options: PageReaderOptions;
  readonly #sink: PageReaderSink;
  readonly #types: TypeFilter | undefined;
  readonly #page = new PageView();

  constructor(session: Session, scan: KeyspaceScan, found: Found, options: PageReaderOptions, sink: PageReaderSink) {
    this.#session = session;
    this.#scan = scan;
    this.#found = found;
    this.#options = options;
    this.#sink = sink;
    const { type } = options.scope;
    if (type !== undefined && !session.server.scanKnowsType) this.#types = this.#typeFilter(type);
  }

  /** Whether pages, or the types of keys, are still to come. */
  get isReading(): boolean {
    return !this.#scan.finished || this.#found.untyped.length > 0 || this.#typesAsked > 0;
  }

  /** With fewer keys in hand than may be under way, the next pages travel with the DUMPs of these. */
  ask(): void {
    const { server, connection, selection } = this.#session;
    const { db, scope } = this.#options;
    this.#types?.send(this.#found.untyped);
    const depth = depthFor(server.roundTrip);
    const type = server.scanKnowsType ? scope.type : undefined;
    const scan = this.#scan;
    while (this.#inHand + scan.inFlight * scan.count < depth) {
      const cursor = scan.next();
      if (cursor === undefined) return;
      selection.use(db);
      sendScan(connection, this, { cursor, count: scan.count, match: scope.pushedMatch, type });
    }
  }

  /** The connection is of no more use: whose type was not told is asked about on the next one. */
  drain(): void {
    this.#types?.drain((key) => this.#found.untyped.push(key));
  }

  onReply(reply: Reply): void {
    const { connection } = this.#session;
    if (reply instanceof ReplyError) return this.#refused(reply);
    if (!isPage(reply)) return failMisanswered(connection, 'SCAN');
    const { keys, untyped } = this.#found;
    const before = keys.length + untyped.length;
    const [cursor, names] = reply;
    const own = this.#scan.accept(cursor.toString('latin1'), names);
    const { db } = this.#options;
    const page = this.#beginPage();
    for (const key of own) {
      if (!this.#isWanted(key)) continue;
      if (this.#types === undefined) keys.pushBuffer(db, key, page);
      else untyped.push({ db, key, page });
    }
    this.#accepted(page, keys.length + untyped.length - before);
  }

  read(run: ReplyRun): void {
    if (this.#types !== undefined) return;
    const page = this.#page;
    const { bytes, at: start } = run;
    const next = page.read(bytes, start, run.end);
    run.isUnfinished = next < start;
    if (next <= start) return;
    run.at = next;
    run.due--;
    const before = this.#found.keys.length;
    const own = this.#scan.acceptNames(page.cursor, page);
    const id = this.#beginPage();
    if (own === 'all') for (let name = 0; name < page.length; name++) this.#find(name, id);
    else for (const name of own) this.#find(name, id);
    this.#accepted(id, this.#found.keys.length - before);
  }

  /** A name of the page that is shown, as a key to be read where it is wanted. */
  #find(name: number, page: number): void {
    const { db, scope, wanted } = this.#options;
    const { bytes } = this.#page;
    const start = this.#page.startOf(name);
    const end = this.#page.endOf(name);
    if (!scope.mayInclude(bytes.buffer, start, end)) return;
    const isAll = scope.hasAllOfSlots && wanted === undefined;
    if (isAll || this.#isWanted(bytes.buffer.subarray(start, end)))
      this.#found.keys.pushCopy(db, bytes, start, end, page);
  }

  #isWanted(key: Buffer): boolean {
    const { scope, wanted } = this.#options;
    return scope.includes(key) && (wanted === undefined || wanted(key));
  }

  #beginPage(): number {
    const { ledger, walk } = this.#options;
    return ledger.begin(walk, this.#scan.page);
  }

  /** @param keys of the page that are to be read */
  #accepted(page: number, keys: number): void {
    const { ledger } = this.#options;
    ledger.found(page, keys);
    ledger.settle(page);
    if (this.#types === undefined) this.#sink.onFound(keys);
    this.#sink.onPage();
    const { repeated } = this.#scan;
    const { connection } = this.#session;
    if (repeated !== undefined) connection.fail(goesRound(connection.peer, repeated));
  }

  onOks(): void {
    failMisanswered(this.#session.connection, 'SCAN');
  }

  onFailure(): void {
    // Whoever runs the connection sees its error.
  }

  get #typesAsked(): number {
    return this.#types?.inFlight ?? 0;
  }

  get #inHand(): number {
    return this.#found.keys.length + this.#found.untyped.length + this.#typesAsked;
  }

  #typeFilter(type: string): TypeFilter {
    return new TypeFilter(this.#session, type, {
      onKey: (key) => {
        this.#found.keys.pushView(key);
        this.#sink.onFound(1);
      },
      onLeftOut: (page) => this.#options.ledger.settle(page),
      onRefused: ({ db, key, page }, error) => {
        this.#options.ledger.settle(page);
        this.#sink.onRefused(db, key, error, page);
      },
    });
  }

  #refused(reply: ReplyError): void {
    const { connection } = this.#session;
    if (kindOf(reply) === 'loading') this.#sink.onLoading();
    if (scopeOf(reply) !== 'key' || !this.#scan.refuse())
      connection.fail(refusalOf(connection.peer, 'read from', reply));
  }
}

interface ScanRequest {
  readonly cursor: string;
  readonly count: number;
  readonly match: Buffer | undefined;
  readonly type: string | undefined;
}

function sendScan(connection: Connection, receiver: Receiver, { cursor, count, match, type }: ScanRequest): void {
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
function isPage(reply: Reply): reply is readonly [Buffer, readonly Buffer[]] {
  if (!Array.isArray(reply) || reply.length !== 2) return false;
  const [cursor, keys] = reply as readonly Reply[];
  return Buffer.isBuffer(cursor) && Array.isArray(keys) && keys.every((key) => Buffer.isBuffer(key));
}

interface TypeFilterSink {
  /** A key of the type, or one that is elsewhere by now. */
  onKey(key: KeyView): void;
  /** A key of another type. */
  onLeftOut(page: number): void;
  /** The server would not say of this key. */
  onRefused(key: FoundKey, error: ReplyError): void;
}

/** Sorts keys by TYPE, where SCAN itself cannot. */
class TypeFilter {
  readonly #connection: Connection;
  readonly #type: string;
  readonly #sink: TypeFilterSink;
  readonly #inquiry: Inquiry;

  constructor({ connection, selection }: Session, type: string, sink: TypeFilterSink) {
    this.#connection = connection;
    this.#type = type;
    this.#sink = sink;
    this.#inquiry = new Inquiry(connection, selection, (keys, reply) => this.#onType(keys, reply));
  }

  get inFlight(): number {
    return this.#inquiry.keys.length;
  }

  /** Asks for as many of these as can be sent now, and takes them out. */
  send(keys: Ring<FoundKey>): void {
    while (keys.length > 0 && !this.#connection.full) this.#inquiry.ask(TYPE_OF, keys.shift()!);
  }

  /** Hands out the keys whose type was never told. */
  drain(lost: (key: FoundKey) => void): void {
    this.#inquiry.keys.drain(lost);
  }

  #onType(keys: KeyQueue, reply: Reply): void {
    if (reply instanceof ReplyError) return this.#refused(keys, reply);
    if (!Buffer.isBuffer(reply)) return failMisanswered(this.#connection, 'TYPE');
    if (reply.toString() === this.#type) this.#sink.onKey(keys.head!);
    else this.#sink.onLeftOut(keys.head!.page);
    keys.drop();
  }

  #refused(keys: KeyQueue, error: ReplyError): void {
    const scope = scopeOf(error);
    if (scope === 'key') return this.#sink.onRefused(keys.shift(), error);
    // The key is as lost as those behind it.
    if (scope !== 'place') return this.#connection.fail(refusalOf(this.#connection.peer, 'read from', error));
    this.#sink.onKey(keys.head!);
    keys.drop();
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

function goesRound(peer: Peer, cursor: string): ScanError {
  return endless(peer, `SCAN gave the cursor ${cursor} twice`);
}
