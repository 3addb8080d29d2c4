// Writes a value that RESTORE does not take as it is: with another payload, or by commands.

import { ReplyError, RespError } from '../../resp/errors.ts';
import type { Parts } from '../../resp/parts.ts';
import { SPENT, type Argv } from '../cluster/routed-client.ts';
import type { Channel } from '../flow/channel.ts';
import type { KeyId } from '../flow/key-id.ts';
import { sizeOf, type Entry } from '../flow/entry.ts';
import { DEFAULT_LIMITS, sizeOfPiece, payloadPieces } from '../rdb/pieces.ts';
import { GatheredPayload, mayGather } from '../rdb/gathered-payload.ts';
import { PayloadError, typeOf } from '../rdb/payload.ts';
import { isReadBy, payloadIfAny } from '../rdb/encode.ts';
import type { Dialect } from '../server/probes.ts';
import { GONE, untilWhole } from '../keys/value-end.ts';
import { ttlOf, type ExpiryMode } from '../flow/expiry.ts';
import { kindOf } from '../server/refusal.ts';
import { askOne, integerIn, type AskAbout } from '../server/replies.ts';
import type { TransferLimits } from '../server/transfer-limits.ts';
import type { ValuePiece } from '../rdb/value.ts';
import { taken } from './conflicts.ts';
import { takePiece, type RateLimit } from './rate-limit.ts';
import type { LiveOptions } from './target.ts';
import type { ValueClients } from './value-clients.ts';
import { steadyPieces } from './whole-value.ts';
import { VANISHED, ValueBuilder } from './value-builder.ts';
import { NEVER } from '../rdb/milliseconds.ts';

export interface ValueWriterOptions {
  readonly mode: ExpiryMode;
  readonly clock: () => number;
  readonly replace: boolean;
  readonly live?: LiveOptions | undefined;
  readonly targetDbOf: (db: number) => number;
  readonly limit: RateLimit;
  /** Bytes of the longest argument that the target takes. */
  readonly mostBytes: number;
  /** Bytes that a value may take in memory as a whole; a larger one is written in pieces. */
  readonly bigKey: number;
  /** Bytes of the longest payload that a large value is made into; 0 for none. */
  readonly gatherBytes: number;
  /** What it bears in one piece. */
  readonly limits: TransferLimits;
}

export type Fate =
  /** `bytes` of the key and the value, as it went; `isSame`: with the payload of the source. */
  | { readonly state: 'written'; readonly bytes: number; readonly isSame: boolean }
  /** `removed`: keys that the target had under its name, and has no more, where what is gone is removed. */
  | { readonly state: 'expired'; readonly removed: number }
  /** Neither the target nor rump knows the form of the payload; `refusal` is what the target said, if it was asked. */
  | { readonly state: 'unknown'; readonly refusal: ReplyError | undefined };

const RESTORED = 'restored';
const EXPIRED: Fate = { state: 'expired', removed: 0 };

export class ValueWriter {
  readonly #clients: ValueClients;
  readonly #options: ValueWriterOptions;
  readonly #allot: Channel['allot'];
  #reason: Error | undefined;

  /** @param allot gives room in the budget for what is held as a whole */
  constructor(clients: ValueClients, options: ValueWriterOptions, allot: Channel['allot']) {
    this.#clients = clients;
    this.#options = options;
    this.#allot = allot;
  }

  /** Ends what is under way: it rejects with the reason, and nothing of it stays at the target. */
  stop(reason: Error): void {
    this.#reason = reason;
  }

  /**
   * By RESTORE with another payload, where one can hold it; by commands otherwise.
   * @throws RespError: ReplyError and PayloadError for what the target cannot have, `CHANGED`, `VANISHED`, `TOO_LONG`; or the line is lost
   */
  async write(entry: Entry, name: Buffer, dialect: Dialect): Promise<Fate> {
    const release = await this.#clients.turnOf(this.#idOf(entry, name));
    try {
      const fate = await this.#write(entry, name, dialect);
      const isOld = fate.state === 'expired' && this.#options.live !== undefined;
      return isOld ? { state: 'expired', removed: await this.#remove(this.#idOf(entry, name)) } : fate;
    } finally {
      release();
    }
  }

  /** The target may have it as it was before. A key of another type than those in scope is somebody else's. */
  async #remove(id: KeyId): Promise<number> {
    const ask: AskAbout = (commands) => this.#clients.usual.ask(id.db, id.key, commands);
    const { type, ownNames } = this.#options.live!;
    if (
      type !== undefined &&
      (ownNames?.has(id.db, id.key) === true || String(await askOne(ask, 'TYPE', id.key)) !== type)
    )
      return 0;
    return Number(integerIn(await askOne(ask, 'UNLINK', id.key), 'UNLINK'));
  }

  async #write(entry: Entry, name: Buffer, dialect: Dialect): Promise<Fate> {
    // A value that is still to be read may have another expiry by then.
    if (entry.large === null && this.#isExpired(entry)) return EXPIRED;
    const refusal = entry.payload === null ? undefined : await this.#restore(entry, entry.payload, name, dialect);
    if (refusal === RESTORED) {
      this.#clients.arrived(this.#idOf(entry, name), Infinity);
      const isSame = isReadBy(dialect.rdbVersion, entry.payload!);
      return { state: 'written', bytes: sizeOf(entry), isSame };
    }
    if (entry.payload !== null && typeOf(entry.payload) === undefined) return { state: 'unknown', refusal };
    try {
      return await untilWhole(() => this.#carry(entry, name, dialect), VANISHED);
    } catch (error) {
      if (error instanceof RespError && error.code === GONE) return EXPIRED;
      if (error instanceof PayloadError && refusal !== undefined) throw bothRefused(error, refusal);
      throw error;
    }
  }

  /** What the target said against it, if it was asked. */
  async #restore(
    entry: Entry,
    original: Buffer,
    name: Buffer,
    { rdbVersion }: Dialect,
  ): Promise<ReplyError | typeof RESTORED | undefined> {
    const id = this.#idOf(entry, name);
    const payload = payloadIfAny(original, rdbVersion, this.#options.bigKey);
    if (payload === undefined || !this.#clients.isWhole(id, payload.length)) return undefined;
    return this.#askRestore(entry, payload, name);
  }

  async #askRestore(entry: Entry, payload: Buffer | Parts, name: Buffer): Promise<ReplyError | typeof RESTORED> {
    const { limits } = this.#options;
    const id = this.#idOf(entry, name);
    const ask = this.#clients.asking(id, payload.length, () => limits.valueBroke(payload.length));
    const [reply] = await ask([this.#restoreCommand(entry, payload, name)]);
    if (!(reply instanceof ReplyError)) return RESTORED;
    if (kindOf(reply) !== 'not-understood') throw reply;
    return reply;
  }

  #restoreCommand({ expireAt, idle, frequency }: Entry, payload: Buffer | Parts, name: Buffer): Argv {
    const { mode, clock, replace } = this.#options;
    const isAbsolute = mode === 'exact' && expireAt !== NEVER;
    const ttl = expireAt === NEVER ? 0 : isAbsolute ? expireAt : ttlOf(expireAt, clock());
    const usage = idle >= 0 ? ['IDLETIME', String(idle)] : frequency >= 0 ? ['FREQ', String(frequency)] : [];
    const words = [...(replace ? ['REPLACE'] : []), ...(isAbsolute ? ['ABSTTL'] : []), ...usage];
    return ['RESTORE', name, String(ttl), payload, ...words];
  }

  /** A large value that one payload can hold comes as one all the same: the target takes it in a quarter of the time. */
  async #carry(entry: Entry, name: Buffer, dialect: Dialect): Promise<Fate> {
    const id = this.#idOf(entry, name);
    const most = this.#mostGathered(entry, id);
    const release = most === 0 ? undefined : await this.#allot(most);
    const pieces = this.#piecesOf(entry, this.#clients.pieceBytesOf(id));
    if (release === undefined) return this.#build(entry, pieces, name, dialect);
    try {
      return await this.#gather(entry, pieces, new GatheredPayload(most), name, dialect, release);
    } finally {
      release();
      // Where it was refused before they were taken up, whoever reads them waits.
      void pieces.return().catch(() => {});
    }
  }

  /** Bytes of the payload that it is made into, at most; 0 where it goes in pieces. */
  #mostGathered({ large }: Entry, id: KeyId): number {
    const { gatherBytes, limits } = this.#options;
    const most = Math.min(gatherBytes, limits.valueBytes);
    if (large === null || !mayGather(large.bytes, most) || this.#clients.hasBroken(id)) return 0;
    return Math.min(most, large.bytes ?? most);
  }

  async #gather(
    entry: Entry,
    pieces: AsyncGenerator<ValuePiece, void, void>,
    gathered: GatheredPayload,
    name: Buffer,
    dialect: Dialect,
    release: () => void,
  ): Promise<Fate> {
    for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
      if (gathered.add(next.value)) continue;
      return this.#build(entry, chained(gathered.pieces(), next.value, pieces), name, dialect);
    }
    // An element that is there twice would end a server of the version 6, and others take it for two.
    const isSound = gathered.length <= (entry.large?.length ?? 0);
    if (!isSound || !this.#clients.isWhole(this.#idOf(entry, name), gathered.bytes))
      return this.#build(entry, gathered.pieces(), name, dialect);
    if (this.#isExpired(entry)) return EXPIRED;
    const payload = gathered.finish(dialect.rdbVersion);
    // The next one may be gathered while the target takes this one in, if that is who has it for good.
    if (!this.#clients.isCluster) payload.letGoWhenSent(release);
    const bytes = entry.key.length + payload.length;
    const refusal = await this.#askRestore(entry, payload, name).catch(demandSpent);
    if (refusal === RESTORED) return { state: 'written', bytes, isSame: false };
    const pieceBytes = this.#clients.pieceBytesOf(this.#idOf(entry, name));
    return this.#build(entry, this.#piecesOf(entry, pieceBytes), name, dialect);
  }

  async #build(
    entry: Entry,
    pieces: AsyncIterable<ValuePiece> | Iterable<ValuePiece>,
    name: Buffer,
    dialect: Dialect,
  ): Promise<Fate> {
    const { mode, clock, replace, mostBytes } = this.#options;
    const id = this.#idOf(entry, name);
    const pieceBytes = this.#clients.pieceBytesOf(id);
    const ask = this.#clients.asking(id, pieceBytes);
    const builder = new ValueBuilder(ask, { name, dialect, mostBytes, mode, clock, replace });
    let outcome: 'written' | 'taken' | 'expired' | 'unfinished' = 'unfinished';
    let bytes = entry.key.length;
    try {
      bytes += await this.#addAll(pieces, builder);
      outcome = await builder.finish(entry.expireAt, entry.large?.length);
    } finally {
      // Where it cannot be reached any more, the name goes by itself after a while.
      if (outcome !== 'written') await builder.discard().catch(() => {});
    }
    if (outcome === 'written') this.#clients.arrived(id, pieceBytes);
    if (outcome === 'written') return { state: 'written', bytes, isSame: false };
    if (outcome === 'expired') return EXPIRED;
    throw taken();
  }

  /** While one piece is written the next one is on its way. Returns the bytes of all. */
  async #addAll(pieces: AsyncIterable<ValuePiece> | Iterable<ValuePiece>, builder: ValueBuilder): Promise<number> {
    let bytes = 0;
    let writing: Promise<void> = Promise.resolve();
    try {
      for await (const piece of pieces) {
        this.#demandGoing();
        bytes += sizeOfPiece(piece);
        if (isOrdered(piece)) await writing;
        const last = writing;
        writing = builder.add(piece);
        writing.catch(() => {});
        await last;
      }
    } finally {
      // Nothing of it may come behind what is done about it next.
      await writing.catch(() => {});
    }
    await writing;
    return bytes;
  }

  /** The entry has the expiry of what was read, when the pieces end without an error. */
  async *#piecesOf(entry: Entry, bytes: number): AsyncGenerator<ValuePiece, void, void> {
    const { large, payload } = entry;
    const demandGoing = (): void => this.#demandGoing();
    const goOn = (): Promise<void> => takePiece(this.#options.limit, 0, demandGoing);
    const pieces = large === null ? this.#payloadPieces(payload!, bytes) : steadyPieces(large, bytes, goOn);
    for await (const piece of pieces) {
      await takePiece(this.#options.limit, sizeOfPiece(piece), demandGoing);
      yield piece;
    }
    if (large?.expireAt !== undefined) entry.expireAt = large.expireAt;
  }

  #payloadPieces(payload: Buffer, bytes: number): Iterable<ValuePiece> {
    return payloadPieces(payload, { ...DEFAULT_LIMITS, bytes, unpacked: this.#options.bigKey });
  }

  #idOf({ db }: Entry, key: Buffer): KeyId {
    return { db: this.#options.targetDbOf(db), key };
  }

  #demandGoing(): void {
    if (this.#reason !== undefined) throw this.#reason;
  }

  #isExpired({ expireAt }: Entry): boolean {
    return expireAt !== NEVER && expireAt <= this.#options.clock();
  }
}

async function* chained(
  first: Iterable<ValuePiece>,
  next: ValuePiece,
  rest: AsyncIterable<ValuePiece>,
): AsyncGenerator<ValuePiece, void, void> {
  yield* first;
  yield next;
  yield* rest;
}

/** Whether it must not come before the one in front of it, as might be where both are sent on to another node. */
function isOrdered({ type }: ValuePiece): boolean {
  return type === 'string' || type === 'list' || type === 'stream';
}

/** Whatever else went wrong is thrown. */
function demandSpent(error: unknown): undefined {
  if (!(error instanceof RespError) || error.code !== SPENT) throw error;
}

function bothRefused(error: PayloadError, refusal: ReplyError): RespError {
  return new RespError(error.code, `${error.message} (to RESTORE the target says: ${refusal.message})`, {
    cause: refusal,
  });
}
