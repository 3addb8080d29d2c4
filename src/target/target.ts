// Where entries go; and the targets that write nothing: a function for each entry, and a dry run, which counts.

import type { Peer, ReplyError, RespError } from '../../resp/errors.ts';
import type { SlotsHeldUp } from '../cluster/redirects.ts';
import type { Channel } from '../flow/channel.ts';
import { newEntry, sizeOf, type Entry } from '../flow/entry.ts';
import type { KeyId } from '../flow/key-id.ts';
import { Settling } from '../flow/settling.ts';
import { typeOf } from '../rdb/payload.ts';
import type { Source } from '../source/source.ts';
import type { WrittenKey } from './target-process.ts';

export interface Target {
  /**
   * Writes what comes out of the channel and settles each entry, and returns when all of it is acknowledged. Where the
   * channel ends with a reason, what was sent until then is still waited for, then it rejects with that reason.
   */
  write(channel: Channel): Promise<void>;
}

/** Names that the target held when the run began, by database and name at the target. */
export interface OwnNames {
  /** Whether nothing in scope is the target's own. */
  readonly isEmpty: boolean;
  has(db: number, name: Buffer): boolean;
  /** The source has written it: it is ours from now on. */
  forget(db: number, name: Buffer): void;
}

/** Keys of the source that may get one name. */
export interface NameOrigins {
  /** Keys in scope that may have this name at the target. The first one that is there has it. */
  of(targetDb: number, name: Buffer): readonly KeyId[];
  /** Those of them that the source has now, in the same order. */
  existing(keys: readonly KeyId[]): Promise<readonly KeyId[]>;
}

/** How a source is followed that is written: what it has no more is removed. */
export interface LiveOptions {
  /** `undefined` where there are none. */
  readonly ownNames: OwnNames | undefined;
  /** Whether they stay the target's own; otherwise the source's word holds for each name that it writes. */
  readonly keeps: boolean;
  /** Where several keys of the source may get one name. */
  readonly origins?: NameOrigins | undefined;
  /** Where only keys of one type are in scope: as TYPE names it. */
  readonly type?: string | undefined;
}

/** What a target asks of the source: see `Source`. */
export interface WayBack extends Pick<Source, 'again' | 'againInPieces' | 'rescan'> {
  /** The value went on changing while it was read: where the source is followed it is read once more later, and has not failed. */
  onChanging?(key: KeyId): void;
}

/** What a target tells of the entries that it settles, with the page that each was found on. */
export interface TargetSink {
  /** So many more keys are on the target, with so many bytes of keys and payloads. */
  onWritten(keys: number, bytes: number, page: number): void;
  /** So many keys are gone from the target that were there: the source has them no more. */
  onRemoved(keys: number): void;
  /** One of them was given another form, since the target would not have read its own. */
  onConverted(page: number): void;
  /** An entry expired while it was under way. */
  onExpired(page: number): void;
  /** The target has this key of the source as that had it last, or neither has it: what was told against it before is over. */
  onInPlace(key: KeyId): void;
  /** The target would not take this key; `db` and `key` are those of the source. */
  onWriteRefused(db: number, key: Buffer, error: RespError, page: number): void;
  /** Another process, or another node, has taken the place of one that had acknowledged writes. */
  onTargetReplaced(peer: Peer): void;
  /** At the end: a few of the keys that were looked for are gone from this node, and nothing speaks for more than a delete. */
  onMissing(peer: Peer, keys: readonly WrittenKey[], looked: number): void;
  /** At the end: this node does not say any more what was to be looked at. */
  onUnsaid(peer: Peer, what: string, reply: ReplyError): void;
  /** At the end: no sentinel says whether this is the primary still. */
  onUnwatched(peer: Peer): void;
  onNotice(notice: SlotsHeldUp): void;
  /** SCAN gave a key once more, and the target has it since the first time. */
  onRepeated(page: number): void;
}

/**
 * A target that hands each entry to a function and keeps nothing.
 * @param onEntry the entry is used again: copy what is kept
 */
export function eachEntry(onEntry: (entry: Entry) => Promise<void> | void): Target {
  return {
    async write(channel: Channel): Promise<void> {
      const entry = newEntry();
      const settling = new Settling();
      while (await channel.readable()) {
        while (channel.take(entry)) {
          settling.add(entry.page, sizeOf(entry));
          const waiting = onEntry(entry);
          if (waiting !== undefined) await waiting;
        }
        channel.settleAll(settling);
        settling.clear();
      }
    },
  };
}

export interface TypeFigures {
  /** As TYPE names it. */
  readonly type: string;
  readonly keys: number;
  /** Memory at the source, estimated by it, or bytes in a file; `null` where it could not be learnt. */
  readonly bytes: number | null;
}

/** Counts what would be written, by type. */
export class DryRunTarget implements Target {
  readonly #counting = eachEntry((entry) => this.#count(entry));
  readonly #types = new Map<string, { keys: number; bytes: number | null }>();

  /** @param bytes `undefined` where they could not be learnt */
  readonly add = (type: string, bytes: number | undefined): void => {
    const count = this.#types.get(type) ?? { keys: 0, bytes: 0 };
    count.keys++;
    count.bytes = count.bytes === null || bytes === undefined ? null : count.bytes + bytes;
    this.#types.set(type, count);
  };

  /** The most frequent first. */
  get types(): readonly TypeFigures[] {
    return [...this.#types].map(([type, count]) => ({ type, ...count })).toSorted((a, b) => b.keys - a.keys);
  }

  write(channel: Channel): Promise<void> {
    return this.#counting.write(channel);
  }

  #count(entry: Entry): void {
    const { payload, large } = entry;
    if (payload !== null) this.add(typeOf(payload) ?? 'unknown', sizeOf(entry));
    else if (large !== null) this.add(large.type ?? 'unknown', large.bytes && sizeOf(entry) + large.bytes);
  }
}
