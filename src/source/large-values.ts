// Values of a server that are too large to be dumped: each is read piece by piece, beside the others, when somebody takes it.

import { ReplyError, RespError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { isBreak, type NodeLinkOptions } from '../cluster/node-link.ts';
import { RoutedClient } from '../cluster/routed-client.ts';
import { Breaks } from '../cluster/suspects.ts';
import type { LargeValue, Reading } from '../flow/entry.ts';
import type { Observation } from '../flow/observation.ts';
import type { ExpiryMode } from '../flow/expiry.ts';
import { DumpReader, type DumpOptions, type DumpSink } from '../keys/dump.ts';
import { agree, askExpiry, type ToldExpiry } from '../keys/expiries.ts';
import type { KeyReader } from '../keys/key-reader.ts';
import { MeasuringReader } from '../keys/measuring-reader.ts';
import { readPieces } from '../keys/piece-reader.ts';
import { ServiceTimes } from '../keys/service-times.ts';
import { COUNT_COMMANDS, GONE, LONG_PAGE } from '../keys/value-end.ts';
import { sizeOfPiece } from '../rdb/pieces.ts';
import { NEVER, type Milliseconds } from '../rdb/milliseconds.ts';
import { mayBeOfType, typeNameOf } from '../rdb/modules.ts';
import type { ValuePiece } from '../rdb/value.ts';
import { askOne, integerIn, type AskAbout } from '../server/replies.ts';
import { isLongReply } from '../server/server.ts';
import type { Session } from '../server/session.ts';
import { depthFor, PageSize, SMALLEST_PIECE, TransferLimits, type PageOptions } from '../server/transfer-limits.ts';

/** By how much the pages of a value shrink that one reply cannot hold: from the most to one element in three times. */
const SHRINK = 32;
/** A server that hung up on whoever would watch, so often, and has never let anybody, is behind a proxy that does so. */
const MOST_HANG_UPS = 2;

export interface ValueOptions extends Omit<DumpOptions, 'depth' | 'largeValueOf' | 'limits' | 'roundTrip'> {
  /** Whether values go in pieces for their size alone, and not for the time that the source would need. */
  readonly bySize: boolean;
  /** Of keys in scope, where only those of one type are. */
  readonly type?: string | undefined;
}

/** Keeps connections of which each reads one value at a time: what one of them watches, no other command of it may end. */
export class LargeValues {
  readonly #deployment: Deployment;
  readonly #options: NodeLinkOptions;
  /** The key was not there any more when its value was to be read. */
  readonly onGone: (db: number, key: Buffer) => void;
  readonly watching = new Watching();
  readonly #clients: RoutedClient[] = [];
  /** Those of them that read nothing now. */
  readonly #idle: RoutedClient[] = [];
  readonly #breaks = new Breaks('was asked for');
  #limits: TransferLimits | undefined;
  #times: ServiceTimes | undefined;
  #roundTrip = Infinity;
  #reason: Error | undefined;

  constructor(deployment: Deployment, options: NodeLinkOptions, onGone: LargeValues['onGone']) {
    this.#deployment = deployment;
    this.#options = options;
    this.onGone = onGone;
  }

  /** What reads values and leaves the large ones to this. */
  newKeyReader({ connection, selection, server }: Session, options: ValueOptions, sink: DumpSink): KeyReader {
    const { bigKey, bySize, maxLatency, mode, observation } = options;
    const { info, roundTrip } = server;
    this.#times ??= new ServiceTimes(maxLatency);
    this.#roundTrip = Math.min(this.#roundTrip, roundTrip);
    const limits = (this.#limits ??= new TransferLimits(bigKey));
    limits.learn(server.mostReplyBytes);
    const pieces = {
      breaks: this.#breaks,
      limits,
      mode,
      type: options.type,
      maxLatency,
      roundTrip: this.#roundTrip,
      observation,
    };
    const largeValueOf = (db: number, key: Buffer, bytes: number | undefined): LargeValue =>
      new ServerValue(this, db, key, { ...pieces, bytes });
    const depth = depthFor(roundTrip);
    const dump = new DumpReader(connection, selection, { ...options, largeValueOf, limits, depth, roundTrip }, sink);
    return new MeasuringReader(
      connection,
      selection,
      dump,
      { info, limits, bySize, times: this.#times, observation },
      sink,
    );
  }

  /** One that nobody else asks until it is given back. */
  take(): RoutedClient {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    const client = new RoutedClient(this.#deployment, this.#options);
    if (this.#reason !== undefined) client.stop(this.#reason);
    this.#clients.push(client);
    return client;
  }

  give(client: RoutedClient): void {
    this.#idle.push(client);
  }

  /** Instead: it is of no use any more. */
  drop(client: RoutedClient): void {
    client.close();
    this.#clients.splice(this.#clients.indexOf(client), 1);
  }

  /** A connection broke on which several values were asked for. */
  broke(): void {
    this.#limits?.broke();
  }

  demandServer(nodeId: string, runId: string): void {
    for (const client of this.#clients) client.demandServer(nodeId, runId);
  }

  stop(reason: Error): void {
    this.#reason = reason;
    for (const client of this.#clients) client.stop(reason);
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

/** Whether keys may be watched: a server may refuse it, and a proxy may hang up on whoever tries. */
class Watching {
  #state: 'untried' | 'granted' | 'refused' = 'untried';
  #hangUps = 0;

  get state(): 'untried' | 'granted' | 'refused' {
    return this.#state;
  }

  /** What a try that begins now has to know in the end. */
  get hangUps(): number {
    return this.#hangUps;
  }

  /** A try was answered. */
  answered(replies: readonly Reply[]): void {
    this.#state = replies.some((reply) => reply instanceof ReplyError) ? 'refused' : 'granted';
  }

  /** The connection of a try was lost. @param before the hang-ups when it began: several that were lost at once count as one */
  hungUp(before: number): void {
    if (this.#hangUps === before) this.#hangUps++;
    if (this.#state === 'untried' && this.#hangUps >= MOST_HANG_UPS) this.#state = 'refused';
  }
}

interface ServerValueOptions extends Omit<PageOptions, 'pieceBytes' | 'mostElements'> {
  readonly bytes: number | undefined;
  /** What connections were lost at. */
  readonly breaks: Breaks;
  readonly limits: TransferLimits;
  /** How expiries cross. */
  readonly mode: ExpiryMode;
  /** A value of another one is as good as gone; missing where any will do. */
  readonly type: string | undefined;
  readonly observation: Observation | undefined;
}

/**
 * A value that is read by commands, piece by piece. Where the server lets one know that it has not changed meanwhile, nobody has
 * to read it a second time.
 *
 *     MULTI EXEC WATCH key · PEXPIRETIME · pieces · HLEN MULTI EXEC ──▶ an array: nobody has touched the key; null: somebody has
 *
 * Where it does not, the expiry is asked for once more behind the pieces: it is that of the value, if it is the same.
 */
class ServerValue implements LargeValue {
  /** As of the last reading that has begun. */
  type: LargeValue['type'];
  readonly bytes: number | undefined;
  readonly #clients: LargeValues;
  readonly #db: number;
  readonly #key: Buffer;
  readonly #options: ServerValueOptions;
  #reading: Reading | undefined;
  #length: number | undefined;
  #expiry: ToldExpiry | undefined;
  #fieldsExpire = false;
  #isObserved = false;
  /** Elements of a page at most: more were too long a reply. */
  #mostElements: number | undefined;

  constructor(clients: LargeValues, db: number, key: Buffer, options: ServerValueOptions) {
    this.bytes = options.bytes;
    this.#clients = clients;
    this.#db = db;
    this.#key = key;
    this.#options = options;
  }

  get reading(): Reading | undefined {
    return this.#reading;
  }

  get expireAt(): Milliseconds | undefined {
    return this.#expiry?.at;
  }

  get fieldsExpire(): boolean {
    return this.#fieldsExpire;
  }

  get length(): number | undefined {
    return this.#length;
  }

  async *pieces(most = Infinity): AsyncGenerator<ValuePiece, void, void> {
    const { breaks, limits, mode } = this.#options;
    const id = { db: this.#db, key: this.#key };
    // Each piece is asked for by the name: of pieces that are much smaller than it, the name is what goes over the line.
    const least = Math.min(this.#key.length, SMALLEST_PIECE);
    const pieceBytes = Math.min(most, Math.max(least, limits.pieceBytes), breaks.pieceBytesOf(id));
    const client = this.#clients.take();
    const askAnyhow: AskAbout = (commands) => client.ask(this.#db, this.#key, commands);
    // Those behind it are not to find out each for itself.
    const noted = breaks.noting(id, pieceBytes, askAnyhow, () => limits.pieceBroke(pieceBytes));
    const taken = this.#options.observation && new TakenTime();
    const ask = taken === undefined ? noted : taken.of(noted);
    let bytes = 0;
    const size = new PageSize({ ...this.#options, pieceBytes, mostElements: this.#mostElements });
    let isUsable = true;
    this.#reading = undefined;
    this.#length = undefined;
    let type: ValuePiece['type'] | undefined;
    try {
      const turns = client.turns;
      if ((await this.#watch(ask, askAnyhow)) && client.turns === turns) this.#reading = 'watched';
      const expiry = await askExpiry(ask, this.#key, mode);
      this.#expiry = expiry;
      for await (const piece of readPieces(ask, this.#key, size)) {
        // What its groups do touches a stream in nobody's eyes.
        if (piece.type === 'stream' && piece.head.groups.length > 0) this.#reading = undefined;
        type = this.type = piece.type;
        this.#demandType(type);
        if (taken !== undefined) bytes += sizeOfPiece(piece);
        if (piece.type === 'hash') this.#fieldsExpire ||= piece.fields.some(({ expireAt }) => expireAt !== NEVER);
        yield piece;
      }
      if (breaks.forget(id)) limits.pieceBore(pieceBytes);
      if (taken !== undefined) this.#observe(type, bytes, taken.ms);
      if (this.#reading === undefined) {
        if (!agree(expiry, await askExpiry(ask, this.#key, mode))) this.#reading = 'changed';
        return;
      }
      const count = type === undefined ? 'EXISTS' : COUNT_COMMANDS[type];
      const [length, ...end] = await ask([[count, this.#key], ['MULTI'], ['EXEC']]);
      const isSame = isDone(end) && client.turns === turns;
      this.#reading = isSame ? 'same' : 'changed';
      // Whoever may not ask for it does without.
      if (isSame && !(length instanceof ReplyError)) this.#length = Number(integerIn(length, count, 0));
    } catch (error) {
      // What comes after such a reply is not to be understood.
      isUsable = !(error instanceof RespError && isLongReply(error.cause));
      if (error instanceof RespError && error.code === LONG_PAGE)
        this.#mostElements = Math.max(1, Math.floor(size.count / SHRINK));
      if (error instanceof RespError && error.code === GONE) this.#clients.onGone(this.#db, this.#key);
      throw error;
    } finally {
      if (isUsable) this.#clients.give(client);
      else this.#clients.drop(client);
    }
  }

  async whole(): Promise<Buffer> {
    const { breaks, mode, observation } = this.#options;
    const since = performance.now();
    const client = this.#clients.take();
    // There are no smaller pieces of it: two breaks are enough.
    const ask = breaks.noting({ db: this.#db, key: this.#key }, SMALLEST_PIECE, (commands) =>
      client.ask(this.#db, this.#key, commands),
    );
    try {
      const payload = await askOne(ask, 'DUMP', this.#key);
      if (payload === null) throw new RespError(GONE, 'The key is gone');
      const type = typeNameOf(payload as Buffer);
      this.#demandType(type);
      if (observation !== undefined) this.#observe(type, (payload as Buffer).length, performance.now() - since);
      this.#expiry = await askExpiry(ask, this.#key, mode);
      return payload as Buffer;
    } catch (error) {
      if (error instanceof RespError && error.code === GONE) this.#clients.onGone(this.#db, this.#key);
      throw error;
    } finally {
      this.#clients.give(client);
    }
  }

  /** @throws RespError `GONE` where it has become a value of another type than those in scope */
  #demandType(found: string | undefined): void {
    const { type } = this.#options;
    if (type !== undefined && !mayBeOfType(found, type))
      throw new RespError(GONE, `It is a ${found} by now, and no ${type}`);
  }

  /** A second reading is none of another value. */
  #observe(type: string | undefined, bytes: number, ms: number): void {
    if (!this.#isObserved && type !== undefined)
      this.#options.observation!.onPieces({ db: this.#db, key: this.#key }, type, bytes, ms);
    this.#isObserved = true;
  }

  /** Whether it is watched from now on. */
  async #watch(ask: AskAbout, askAnyhow: AskAbout): Promise<boolean> {
    const { watching } = this.#clients;
    const { state, hangUps } = watching;
    if (state === 'refused') return false;
    // The transaction is empty: it shows that there may be one, and ends what was watched before.
    const commands = [['MULTI'], ['EXEC'], ['WATCH', this.#key]];
    try {
      const replies = await (state === 'untried' ? askAnyhow : ask)(commands);
      watching.answered(replies);
      return isDone(replies);
    } catch (error) {
      if (state !== 'untried' || !isBreak(error)) throw error;
      // It is no fault of the key, which may break the next one as well if it is.
      watching.hungUp(hangUps);
      return false;
    }
  }
}

/** How long all that was asked took to be answered. */
class TakenTime {
  ms = 0;

  of(ask: AskAbout): AskAbout {
    return async (commands) => {
      const since = performance.now();
      try {
        return await ask(commands);
      } finally {
        this.ms += performance.now() - since;
      }
    };
  }
}

/** Whether MULTI and EXEC, and what follows, were done; the null of an EXEC says that it was not. */
function isDone([multi, exec, ...others]: readonly Reply[]): boolean {
  return [multi, ...others].every((reply) => Buffer.isBuffer(reply)) && Array.isArray(exec);
}
