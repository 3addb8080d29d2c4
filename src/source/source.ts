// Where entries come from.

import type { Channel } from '../flow/channel.ts';
import type { Entry } from '../flow/entry.ts';
import type { SlotsHeldUp } from '../cluster/redirects.ts';
import type { WalkNotice } from '../scan/cluster-walk.ts';
import type { ScanNotice } from '../scan/node-scan.ts';
import type { Peer, RespError } from '../../resp/errors.ts';
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

/** Something about the source as a whole that the operator should know. The code is that of the warning. */
export type SourceNotice =
  | WalkNotice
  | ScanNotice
  | SlotsHeldUp
  /** A file has something that is not carried; `names` are the first of it. */
  | { readonly code: 'LEFT_OUT'; readonly kind: LeftOutKind; readonly names: readonly string[]; readonly count: number }
  /** A snapshot was written without a checksum. */
  | { readonly code: 'UNCHECKED' }
  /** A stream has no beginning and no end that would tell whether it is whole. `name` is its path, or `stdin`. */
  | { readonly code: 'UNMARKED'; readonly name: string }
  /** Not all of the snapshot of this node has come, or it cannot be read to its end: the node is scanned. */
  | { readonly code: 'SNAPSHOT_LOST'; readonly peer: Peer; readonly reason: string }
  /** Nothing has come through stdin for so many milliseconds; it is waited for all the same. */
  | { readonly code: 'SILENCE'; readonly ms: number };

/** What a source tells of keys that do not come to be entries, and of itself. */
export interface SourceSink {
  /** Deleted or expired since it was seen. */
  onGone(page: number): void;
  /** It had expired before it was read, or all of its fields had. */
  onExpired(): void;
  /** The source would not give the value of this key. @param page that it was found on, if on any */
  onReadRefused(db: number, key: Buffer, error: RespError, page?: number): void;
  /** The source lost keys meanwhile, by a flush or a swap, say: what was read is not what it held, and the run has to fail. */
  onShrunk(error: RespError): void;
  onNotice(notice: SourceNotice): void;
  /** What came before comes once more, from a server that is the same. */
  onWalkedAnew?(): void;
}

/** What a file tells: it can be read a second time for the same keys without being told again. */
export type FileSink = Pick<SourceSink, 'onExpired' | 'onReadRefused' | 'onNotice'>;
