// What tells which keys of one node have changed, whatever it learns it by. It reads no values.

import type { RespError } from '../../resp/errors.ts';
import type { NodeLinkOptions } from '../cluster/node-link.ts';
import type { Server } from '../server/server.ts';

export type FeedKind = 'psync' | 'tracking';

/** Where a feed can be taken up again; plain, so that it can be kept as JSON. */
export interface FeedPosition {
  /** The history of writes, and how far it was told: up to the end of a command that belongs to no open transaction. */
  readonly replicationId: string;
  readonly offset: number;
  /** The database in force there; `null` where no SELECT was seen yet. */
  readonly db: number | null;
}

/** Changes that may have been missed, deletes among them, or that are too many to be told by name. */
export interface Gap {
  /** In words, for the operator: what has happened. */
  readonly reason: string;
  /** The databases that it is about; all where it is missing. */
  readonly databases?: readonly number[];
  /** The slots that it is about; all of the node where it is missing. */
  readonly slots?: readonly number[];
  /** Whether nothing but removals was missed: what was written since is told. Nothing has to be walked then. */
  readonly isFlush?: boolean;
  /** Whether it is a write by itself: somebody has flushed or exchanged databases. */
  readonly isWrite?: boolean;
}

export interface FeedSink {
  /**
   * The key was written, removed, or has expired: what is read from now on is newer.
   * @param db `undefined`: in which database is not told
   * @param key it holds until the call returns
   */
  onChange(db: number | undefined, key: Buffer): void;
  onGap(gap: Gap): void;
  /** The feed was lost for good. */
  onFailed(error: RespError): void;
}

/** Where a feed is to go on; one that is yet to be known comes while the feed gets ready for it. `null`: nobody knows. */
export type FeedStart = FeedPosition | null | Promise<FeedPosition | null>;

export interface FeedOptions extends NodeLinkOptions {
  /** Where to go on, if it can; otherwise that is a gap. */
  readonly from?: FeedStart | undefined;
}

export interface Feed {
  readonly kind: FeedKind;
  /**
   * Begins, and goes on over lost connections until `detach`. Resolves once every change that the node acknowledges from then
   * on will be told, or be part of a gap.
   * @throws RespError where the node does not let us
   */
  attach(): Promise<void>;
  /** Resolves once every change that the node had acknowledged before the call is told, or is part of a gap that is told. */
  caughtUp(): Promise<void>;
  /** How far all changes are told; `undefined` where it could not go on from anywhere. */
  readonly position: FeedPosition | undefined;
  /**
   * The process whose changes it tells, by its run id: values have to be read from the same one. `undefined` until it is attached,
   * or needs nothing more for that than to know where to go on.
   */
  readonly process: string | undefined;
  /** The connection beside it, or the last one. */
  readonly server: Server | undefined;
  /** Nothing more is told, as the node is no primary any more; where it becomes one again, another feed is to follow it. */
  readonly isGone: boolean;
  /** What it is attached to is not the server that it should be any more: it finds its way anew, as after a lost connection. */
  reopen(reason: RespError): void;
  /** Nothing more is told; the server is left as it was. */
  detach(): void;
}
