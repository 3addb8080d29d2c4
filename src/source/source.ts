// Where entries come from.

import type { Peer, RespError } from '../../resp/errors.ts';
import type { Channel } from '../flow/channel.ts';
import type { Entry } from '../flow/entry.ts';
import type { ClusterWalkSink } from '../scan/cluster-walk.ts';
import type { LeftOutKind } from '../snapshot/left-out.ts';

export interface Source {
  /** How much was walked, 0 to 1. */
  readonly fraction: number;
  /** Reads everything in scope into the channel, and returns when the last entry is settled. */
  read(channel: Channel): Promise<void>;
  /** The target could not take this entry now: it comes through the channel once more, as the source has it by then. */
  again(entry: Entry): void;
  /**
   * The target can make nothing of the payload, and neither can rump: the entry comes once more, as a large value that is
   * read by commands. False where there is nobody to ask, and nothing comes.
   */
  againInPieces(entry: Entry): boolean;
  /** What the target had acknowledged may be lost there: reads everything once more, or the keys that are `wanted`. */
  rescan(wanted?: (key: Buffer) => boolean): void;
  /** Ends a `read` under way: it rejects with the reason. */
  stop(reason: Error): void;
}

/** What a source tells of keys that do not come to be entries. */
export interface SourceSink extends ClusterWalkSink {
  /** Deleted or expired since it was seen. */
  onGone(): void;
  /** It had expired before it was read, or all of its fields had. */
  onExpired(): void;
  /** A server was replaced, or came to hold other data, while it was scanned: it is scanned once more. */
  onWalkedAnew(peer: Peer): void;
  /** A proxy names another server each time: whether all of one scan was of the same cannot be told. */
  onManyServers(peer: Peer): void;
  /** The source lost keys meanwhile, by a flush or a swap, say: what was read is not what it held, and the run has to fail. */
  onShrunk(error: RespError): void;
  /** A file has something that is not carried. @param names the first of them */
  onLeftOut(what: LeftOutKind, names: readonly string[], count: number): void;
  /** A snapshot was written without a checksum. */
  onUnchecked(): void;
  /** A stream has no beginning and no end that would tell whether it is whole. @param name its path, or `stdin` */
  onUnmarked(name: string): void;
  /** Nothing has come through stdin for so many milliseconds; it is waited for all the same. */
  onSilence(ms: number): void;
  /** The source would not give the value of this key. */
  onReadRefused(db: number, key: Buffer, error: RespError): void;
}
