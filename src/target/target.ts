// Where entries go.

import type { Peer, ReplyError, RespError } from '../../resp/errors.ts';
import type { Channel } from '../flow/channel.ts';
import type { Source } from '../source/source.ts';
import type { WrittenKey } from './written-sample.ts';

export interface Target {
  /**
   * Writes what comes out of the channel and settles each entry, and returns when all of it is acknowledged. Where the
   * channel ends with a reason, what was sent until then is still waited for, then it rejects with that reason.
   */
  write(channel: Channel): Promise<void>;
}

/** What a target asks of the source: see `Source`. */
export type WayBack = Pick<Source, 'again' | 'againInPieces' | 'rescan'>;

/** What a target tells of the entries that it settles. */
export interface TargetSink {
  /** So many more keys are on the target, with so many bytes of keys and payloads. */
  onWritten(keys: number, bytes: number): void;
  /** One of them was given another form, since the target would not have read its own. */
  onConverted(): void;
  /** An entry expired while it was under way. */
  onExpired(): void;
  /** The target would not take this key; `db` and `key` are those of the source. */
  onWriteRefused(db: number, key: Buffer, error: RespError): void;
  /** Another process, or another node, has taken the place of one that had acknowledged writes. */
  onTargetReplaced(peer: Peer): void;
  /** At the end: a few of the keys that were looked for are gone from this node, and nothing speaks for more than a delete. */
  onMissing(peer: Peer, keys: readonly WrittenKey[], looked: number): void;
  /** At the end: this node does not say any more what was to be looked at. */
  onUnsaid(peer: Peer, what: string, reply: ReplyError): void;
  /** SCAN gave a key once more, and the target has it since the first time. */
  onRepeated(): void;
}
