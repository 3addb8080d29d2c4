// The process behind a node of the target: whether it still is the one that has acknowledged what was written so far, and some of
// the keys that it has acknowledged.

import type { Connection } from '../../resp/connection.ts';
import { nameOf, RespError, type Peer } from '../../resp/errors.ts';
import type { EntryView } from '../flow/entry-view.ts';
import { idOf, type KeyId } from '../flow/key-id.ts';
import { ownCopy } from '../flow/own-copy.ts';
import { NEVER, type Milliseconds } from '../rdb/milliseconds.ts';
import type { Flushes } from '../server/flushes.ts';
import { wasReplica, type ServerInfo } from '../server/info.ts';

export interface WrittenKey {
  /** Database and name at the target. */
  readonly db: number;
  readonly name: Buffer;
  /** As `Entry.expireAt`. */
  readonly expireAt: Milliseconds;
}

/** A node of the target, as it was before the first key was written to it. */
export interface WrittenProcess {
  readonly id: string;
  readonly peer: Peer;
  readonly info: ServerInfo;
  /** `undefined`: it does not say. */
  readonly flushes: Promise<Flushes | undefined>;
}

/** Its expiry may change. */
type SampledKey = { -readonly [Field in keyof WrittenKey]: WrittenKey[Field] };

/**
 * How often another process may answer, and what was lost with the one before is not written again yet: with each one the copy
 * begins anew, and a balancer has another one each time.
 */
const MOST_REPLACED = 5;
/** Of a sample. */
const FIRST = 64;
const LAST = 64;
const BY_CHANCE = 512;
/** Some twenty times as many as there are names. */
const HASHES = 16_384;
const HASHED_BYTES = 64;
/** Of FNV-1a. */
const HASH_PRIME = 0x01000193;
/** Bytes: a longer name is not kept. */
const LONGEST_NAME = 4096;
/** Fields of a hash may expire from this type byte on, and take the key with them. */
const FIRST_TYPE_WITH_EXPIRING_FIELDS = 22;
/** The expiry of what is not to be looked for. */
const GONE_BEFORE = 0;

export class TargetProcess {
  #info: ServerInfo | undefined;
  #replaced = 0;
  /** It has lost what it had acknowledged, and is the same process. */
  #isEmptied = false;
  #evicted = 0;
  /** As it counted when it was asked last. */
  #evictedKeys = 0;

  /** What it said when it was met first; `undefined` where none was reached yet. */
  get info(): ServerInfo | undefined {
    return this.#info;
  }

  /**
   * Whether it is the one that was met before, with what it had.
   * @param wasIdle whether the last connection was closed while nothing was asked on it: who names no process is taken for
   *   the same then, as the last look will tell what it lost
   * @throws RespError `TARGET_REPLACED`, where it was another one too often
   */
  meets(info: ServerInfo, peer: Peer, wasIdle: boolean): boolean {
    const before = this.#info;
    const isEmptied = this.#isEmptied;
    const isSame = info.runId === before?.runId && (info.runId !== '' || wasIdle);
    if (before !== undefined && isSame && !isEmptied && !wasReplica(before, info)) return true;
    this.#info = info;
    this.#isEmptied = false;
    this.#evicted = 0;
    this.#evictedKeys = info.evictedKeys;
    if (before !== undefined && ++this.#replaced > MOST_REPLACED) throw tooOften(peer, isSame && isEmptied);
    return false;
  }

  /** Ends a connection whose server has taken the data of another one by now, or is to take them: the next one is met anew. */
  demandKept(connection: Connection, info: ServerInfo): void {
    const before = this.#info;
    // Where another one answers on the same connection, somebody stands in between.
    if (before === undefined || info.runId !== before.runId) return;
    this.evictedBy(info);
    if (info.role === 'replica' || wasReplica(before, info)) connection.fail(demoted(connection.peer, info));
  }

  /** The same of one that was flushed, or whose databases were exchanged. */
  empty(connection: Connection): void {
    if (connection.error !== undefined) return;
    this.#isEmptied = true;
    connection.fail(emptied(connection.peer));
  }

  /** Keys that it has thrown away since it was met, by what it says now: its own count may have begun anew in between. */
  evictedBy({ evictedKeys }: ServerInfo): number {
    const more = evictedKeys - this.#evictedKeys;
    this.#evicted += more < 0 ? evictedKeys : more;
    this.#evictedKeys = evictedKeys;
    return this.#evicted;
  }

  /** What was lost with those that were replaced by now is being written again. @returns to be called when it is */
  beginRegaining(): () => void {
    const replaced = this.#replaced;
    return () => (this.#replaced -= replaced);
  }
}

/**
 * Some of the keys that one server process has acknowledged: the first ones, the last ones, and by chance some in between.
 * Whoever flushes a server takes the first ones away, whenever it happens; a replica that takes over lacks the last ones.
 */
export class WrittenSample {
  readonly #first: SampledKey[] = [];
  readonly #byChance: SampledKey[] = [];
  readonly #last: SampledKey[] = [];
  #offered = 0;
  /** How often each name is kept, where keys change. */
  readonly #times: Map<string, number> | undefined;
  /** How many of these names have each short hash, where names stay the same: nearly all other keys have none of them. */
  readonly #hashes: Uint16Array | undefined;
  readonly #idOf: ((key: KeyId) => KeyId) | undefined;
  /** Databases that were given keys without an expiry, be they remembered or not. */
  readonly databases = new Set<number>();

  /**
   * @param idOf where a key goes; missing where no key is written again, or removed
   * @param renames whether a key may have another name there
   */
  constructor(idOf?: (key: KeyId) => KeyId, renames = true) {
    this.#idOf = idOf;
    this.#times = idOf && new Map();
    if (idOf !== undefined && !renames) this.#hashes = new Uint16Array(HASHES);
  }

  /** One more key is on the target. */
  offer(entry: EntryView, db: number, name: Buffer): void {
    const { expireAt } = entry;
    if (expireAt === NEVER) this.databases.add(db);
    if (mayEmpty(entry) || name.length > LONGEST_NAME) return;
    const key = { db, name, expireAt };
    if (this.#first.length < FIRST) return this.#keep(this.#first, this.#first.length, key);
    this.#keep(this.#last, this.#offered % LAST, key);
    this.#offered++;
    // Each of those offered stays with the same chance, and long.
    const place = this.#byChance.length < BY_CHANCE ? this.#byChance.length : Math.floor(Math.random() * this.#offered);
    if (place < BY_CHANCE) this.#keep(this.#byChance, place, { ...key, name: ownCopy(name) });
  }

  /** A key was written, maybe not for the first time: it may expire sooner than it would have. */
  renew(entry: EntryView): void {
    const mayGo = mayEmpty(entry);
    if (!mayGo && entry.expireAt === NEVER) return;
    if (this.#hashes !== undefined && this.#hashes[hashOf(entry.keyIn.buffer, entry.keyAt, entry.keyEnd)] === 0) return;
    this.#change(entry, mayGo ? GONE_BEFORE : entry.expireAt);
  }

  /** A key was removed. */
  forget(entry: KeyId): void {
    this.#change(entry, GONE_BEFORE);
  }

  /** Those that must be there still, each once, the first one first. @param now by the clock of `expireAt` */
  presentAt(now: number): readonly WrittenKey[] {
    const all = new Map<string, WrittenKey>();
    for (const key of this.#all.flat()) all.set(idOfKey(key), key);
    return [...all.values()].filter(({ expireAt }) => expireAt === NEVER || expireAt > now);
  }

  /** What was acknowledged so far may be lost, and is written again. */
  clear(): void {
    for (const keys of this.#all) keys.length = 0;
    this.databases.clear();
    this.#offered = 0;
    this.#times?.clear();
    this.#hashes?.fill(0);
  }

  get #all(): readonly SampledKey[][] {
    return [this.#first, this.#byChance, this.#last];
  }

  #keep(keys: SampledKey[], place: number, key: SampledKey): void {
    const before = keys[place];
    keys[place] = key;
    if (this.#times === undefined) return;
    this.#count(key, 1);
    if (before !== undefined) this.#count(before, -1);
  }

  #count(key: WrittenKey, by: 1 | -1): void {
    const times = this.#times!;
    const id = idOfKey(key);
    const now = (times.get(id) ?? 0) + by;
    if (now > 0) times.set(id, now);
    else times.delete(id);
    if (this.#hashes !== undefined) this.#hashes[hashOf(key.name, 0, key.name.length)]! += by;
  }

  #change(entry: KeyId, expireAt: Milliseconds): void {
    if (this.#idOf === undefined || this.#times?.size === 0) return;
    const { db, key: name } = this.#idOf(entry);
    if (this.#times?.has(idOf({ db, key: name })) !== true) return;
    for (const keys of this.#all)
      for (const key of keys) if (key.db === db && key.name.equals(name)) key.expireAt = expireAt;
  }
}

/** Whether its fields may expire, and take the key with them. */
function mayEmpty({ kind, large, payloadIn, payloadAt }: EntryView): boolean {
  if (kind !== 'value') return large?.fieldsExpire === true;
  return payloadIn.buffer[payloadAt]! >= FIRST_TYPE_WITH_EXPIRING_FIELDS;
}

/** One of `HASHES`. Names that differ only in front of so many bytes share one. */
function hashOf(buffer: Buffer, start: number, end: number): number {
  let hash = end - start;
  for (let i = Math.max(start, end - HASHED_BYTES); i < end; i++) hash = Math.imul(hash ^ buffer[i]!, HASH_PRIME);
  return (hash ^ (hash >>> 15)) & (HASHES - 1);
}

function idOfKey({ db, name }: WrittenKey): string {
  return idOf({ db, key: name });
}

function demoted(peer: Peer, { role }: ServerInfo): RespError {
  const cannot = `Cannot write to ${nameOf(peer)} any more`;
  if (role === 'replica')
    return new RespError('REPLICA', `${cannot}: it has become a replica`, { peer, retryable: true });
  const message = `${cannot} as before: it was a replica meanwhile, and may have lost what it had acknowledged`;
  return new RespError('TARGET_REPLACED', message, { peer, retryable: true });
}

function emptied(peer: Peer): RespError {
  const message = `Cannot write to ${nameOf(peer)} as before: it was flushed or swapped, and lacks what it had acknowledged`;
  return new RespError('TARGET_LOST', message, { peer, retryable: true });
}

function tooOften(peer: Peer, isEmptied: boolean): RespError {
  const [why, hint] = isEmptied
    ? ['it is flushed or swapped, again and again', 'stop whoever does that']
    : [
        'another server, or one without a name, answers there each time that the connection is lost',
        'give the address of the server itself',
      ];
  return new RespError('TARGET_REPLACED', `Cannot write to ${nameOf(peer)}: ${why}`, { peer, hint, retryable: true });
}
