// Names that the target already has: which of them rump wrote itself, and what is done about the others. The target is asked
// whether what it holds is of our own writing, or another key's.

import { ReplyError, RespError } from '../../resp/errors.ts';
import type { Oversized } from '../../resp/reply.ts';
import type { Entry } from '../flow/entry.ts';
import { idOf, type KeyId } from '../flow/key-id.ts';
import { KeyFilter } from '../keys/key-filter.ts';
import { untilWhole } from '../keys/value-end.ts';
import { hasDigest, isSameValue, ValueDigest } from '../rdb/value-digest.ts';
import { scopeOf, kindOf } from '../server/refusal.ts';
import { collision, type Collisions } from './key-names.ts';
import type { NodeWriter } from './node-writer.ts';
import type { LiveOptions, OwnNames } from './target.ts';

/** What is known of a key that the target already has. */
export type Origin = 'foreign' | 'written' | 'maybe-written';

/** Which keys rump wrote itself, so that a BUSYKEY about one of them is not taken for a conflict. */
export class WrittenKeys {
  readonly #written: KeyFilter;
  /** Those whose replies were lost with a connection: few, and of the last moments. */
  readonly #unanswered = new Set<string>();
  readonly #isLost: boolean;

  /**
   * @param keys how many are expected
   * @param bitsPerKey as of `KeyFilter`
   * @param isLost whether others may be ours as well, of an earlier part
   */
  constructor(keys: number, bitsPerKey?: number, isLost = false) {
    this.#written = new KeyFilter(keys, bitsPerKey);
    this.#isLost = isLost;
  }

  /** It was acknowledged. */
  add(db: number, name: Buffer): void {
    this.#written.add(name);
    if (this.#unanswered.size > 0) this.#unanswered.delete(idOf({ db, key: name }));
  }

  /** It was sent, and the reply was lost. */
  addUnanswered(db: number, name: Buffer): void {
    this.#unanswered.add(idOf({ db, key: name }));
  }

  /** `written` may be a mistake: only the value at the target proves it. */
  originOf(db: number, name: Buffer): Origin {
    if (this.#unanswered.has(idOf({ db, key: name }))) return 'maybe-written';
    if (this.#written.has(name)) return 'written';
    return this.#isLost ? 'maybe-written' : 'foreign';
  }
}

export interface ConflictsOptions {
  readonly live?: LiveOptions | undefined;
  /** Where keys are not replaced. */
  readonly written: WrittenKeys | undefined;
  readonly collisions: Collisions | undefined;
  readonly targetDbOf: (db: number) => number;
  readonly targetNameOf: (key: Buffer) => Buffer;
  /** Bytes that values may take in memory as a whole. */
  readonly bigKey: number;
}

export interface ConflictsSink {
  /** No other key has the name: the entry can be written. */
  onCleared(entry: Entry, name: Buffer): void;
  /** The target has this very value, from us. */
  onOurs(entry: Entry, origin: Origin): void;
  /** Where the source is followed: what was told against the key is over. */
  onInPlace(key: KeyId): void;
  /** A newer reading of the key was asked about meanwhile. */
  onSuperseded(entry: Entry): void;
  /** It cannot be told now. */
  onUndecided(entry: Entry): void;
  onRefused(entry: Entry, error: RespError): void;
  onElsewhere(entry: Entry, error: ReplyError, writer: NodeWriter): void;
}

export class Conflicts {
  readonly #options: ConflictsOptions;
  readonly #kept: OwnNames | undefined;
  /** Of which it is asked whether another key has their name, by key of the source: the newest reading of each. */
  readonly #asked = new Map<string, Entry>();
  readonly #sink: ConflictsSink;

  constructor(options: ConflictsOptions, sink: ConflictsSink) {
    this.#options = options;
    this.#kept = options.live?.keeps === true ? options.live.ownNames : undefined;
    this.#sink = sink;
  }

  /** Whether the name is the target's own, and stays so. */
  isOwn({ db }: KeyId, name: Buffer): boolean {
    return this.#kept !== undefined && this.#kept.has(this.#options.targetDbOf(db), name);
  }

  /** Whether entries have to be looked at for that. */
  get keepsNames(): boolean {
    return this.#kept !== undefined;
  }

  /** The name is the source's: the target has what the source had last, or neither has it. */
  take(entry: KeyId): void {
    const { targetDbOf, targetNameOf, live } = this.#options;
    // The key of a view is not asked for, which would copy it, where nobody has to know.
    if (this.#kept === undefined && live?.ownNames?.isEmpty === false)
      live.ownNames.forget(targetDbOf(entry.db), targetNameOf(entry.key));
    if (live !== undefined) this.#sink.onInPlace(entry);
  }

  /** Whether another key seems to have this name already. */
  suspects({ db, key }: Entry, name: Buffer): boolean {
    return this.#options.collisions?.suspects(db, key, name) === true;
  }

  /**
   * The target would not take the entry, which may be as we wrote it ourselves.
   * @param writerFor who can ask for a name
   */
  refuse(entry: Entry, error: RespError, writerFor: (name: Buffer) => NodeWriter | undefined): void {
    const mayBeOurs = kindOf(error) === 'exists' && this.#originOf(entry) !== 'foreign';
    const writer = mayBeOurs ? writerFor(this.#options.targetNameOf(entry.key)) : undefined;
    if (writer === undefined) this.#sink.onRefused(entry, error);
    else void this.#settleConflict({ ...entry }, error, writer);
  }

  /** The memory of what was written may be mistaken: a key is ours only where the target has this very value. */
  async #settleConflict(entry: Entry, error: RespError, writer: NodeWriter): Promise<void> {
    const { targetDbOf, targetNameOf } = this.#options;
    const origin = this.#originOf(entry);
    const found = await writer.asker.dump(targetDbOf(entry.db), targetNameOf(entry.key)).catch(() => null);
    if (found === undefined) return this.#sink.onUndecided(entry);
    try {
      if (found !== null && (await this.#isOurs(entry, found))) this.#sink.onOurs(entry, origin);
      else this.#sink.onRefused(entry, error);
    } catch (unread) {
      if (!(unread instanceof RespError)) throw unread;
      // Whoever reads it anew is told so.
      if (unread.retryable) this.#sink.onUndecided(entry);
      else this.#sink.onRefused(entry, unread);
    }
  }

  /** One that is read in pieces was written as one, or by commands. */
  async #isOurs(entry: Entry, found: Buffer | Oversized): Promise<boolean> {
    const { bigKey } = this.#options;
    const { large } = entry;
    if (large === null || !Buffer.isBuffer(found)) return isValueOf(entry, found, bigKey);
    return hasDigest(found, await untilWhole(() => ValueDigest.of(large.pieces())), bigKey);
  }

  /**
   * Another key has the name, if the target holds another value under it. What cannot be told is asked again, and where the
   * target will not say the first key keeps the name.
   */
  async settleName(entry: Entry, name: Buffer, writer: NodeWriter): Promise<void> {
    // The first one may still wait to be sent.
    if (!writer.isCaughtUp) return this.#sink.onUndecided(entry);
    const id = idOf(entry);
    this.#asked.set(id, entry);
    try {
      const found = await writer.asker.dump(this.#options.targetDbOf(entry.db), name);
      if (this.#asked.get(id) !== entry) return this.#sink.onSuperseded(entry);
      if (found === undefined) return this.#sink.onUndecided(entry);
      if (found !== null && !isValueOf(entry, found, this.#options.bigKey))
        return this.#sink.onRefused(entry, collision());
      this.#options.collisions!.acquit(entry.db, entry.key, name);
      this.#sink.onCleared(entry, name);
    } catch (error) {
      if (scopeOf(error as ReplyError) === 'key') this.#sink.onRefused(entry, collision());
      else this.#sink.onElsewhere(entry, error as ReplyError, writer);
    } finally {
      if (this.#asked.get(id) === entry) this.#asked.delete(id);
    }
  }

  #originOf({ db, key }: Entry): Origin {
    const { written, targetDbOf, targetNameOf } = this.#options;
    return written?.originOf(targetDbOf(db), targetNameOf(key)) ?? 'foreign';
  }
}

/** What is told of a key whose name is the target's own. */
export function taken(): ReplyError {
  return new ReplyError('BUSYKEY Target key name already exists.');
}

/** What is too large to be looked at counts as another value. */
function isValueOf({ payload }: Entry, found: Buffer | Oversized, bigKey: number): boolean {
  return payload !== null && Buffer.isBuffer(found) && isSameValue(found, payload, bigKey);
}
