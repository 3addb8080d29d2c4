// Reads the pages of a walk on one connection: as many at once as the scan allows, and only while few keys are in hand.

import { ReplyError, type Peer } from '../../resp/errors.ts';
import type { Receiver, Reply } from '../../resp/reply.ts';
import type { Ring } from '../../resp/ring.ts';
import { kindOf, refusalOf, scopeOf } from '../server/refusal.ts';
import { failMisanswered } from '../server/replies.ts';
import type { Session } from '../server/session.ts';
import { depthFor } from '../server/transfer-limits.ts';
import type { KeyScope } from './key-scope.ts';
import type { KeyspaceScan } from './keyspace-scan.ts';
import { endless, isPage, sendScan, TypeFilter, type ScanError } from './scan-page.ts';

/** What was found on all pages of a walk, whichever connection they came on. */
export interface Found {
  /** Keys in scope that are to be read. */
  readonly keys: Ring<Buffer>;
  /** Keys whose type is to be asked for, where SCAN itself cannot tell. */
  readonly untyped: Ring<Buffer>;
}

export interface PageReaderOptions {
  readonly db: number;
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
  onRefused(db: number, key: Buffer, error: ReplyError): void;
  /** The server is loading data, which may be others than before. */
  onLoading(): void;
}

export class PageReader implements Receiver {
  readonly #session: Session;
  readonly #scan: KeyspaceScan;
  readonly #found: Found;
  readonly #options: PageReaderOptions;
  readonly #sink: PageReaderSink;
  readonly #types: TypeFilter | undefined;

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
    this.#types?.send(db, this.#found.untyped);
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
    const { scope, wanted } = this.#options;
    const { keys, untyped } = this.#found;
    const to = this.#types === undefined ? keys : untyped;
    const before = keys.length;
    const [cursor, names] = reply;
    for (const key of this.#scan.accept(cursor.toString('latin1'), names)) {
      if (scope.includes(key) && (wanted === undefined || wanted(key))) to.push(key);
    }
    this.#sink.onFound(keys.length - before);
    this.#sink.onPage();
    const { repeated } = this.#scan;
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
        this.#found.keys.push(key);
        this.#sink.onFound(1);
      },
      onRefused: (db, key, error) => this.#sink.onRefused(db, key, error),
    });
  }

  #refused(reply: ReplyError): void {
    const { connection } = this.#session;
    if (kindOf(reply) === 'loading') this.#sink.onLoading();
    if (scopeOf(reply) !== 'key' || !this.#scan.refuse())
      connection.fail(refusalOf(connection.peer, 'read from', reply));
  }
}

function goesRound(peer: Peer, cursor: string): ScanError {
  return endless(peer, `SCAN gave the cursor ${cursor} twice`);
}
