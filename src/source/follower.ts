// Keys that are read as they have changed: what becomes of one that is gone.

import { Bytes } from '../../resp/bytes.ts';
import type { EntryRun } from '../flow/entry-run.ts';
import { EntryView } from '../flow/entry-view.ts';
import type { FoundKey, KeyId } from '../flow/key-id.ts';
import type { AnswerSink } from './lookup.ts';

/** What has keys read once more that have changed. */
export interface Follower {
  /** Whether a key of this page is read as it has changed: where it is gone, an entry says so. */
  isChange(page: number): boolean;
  /** An entry is about to go into the channel; it may get another page. */
  onRead(entry: EntryView): void;
  onReadAll(entries: EntryRun): void;
  /**
   * Two nodes of a cluster name each other as the place of the key: it is gone as far as anybody can see, and may be there once
   * the operator has put that right, which no feed tells.
   */
  onNowhere(key: KeyId): void;
  /** From now on keys that have changed may be read: all that is older stands before them. */
  begin(): void;
  /** All that was there at the beginning is on the target. */
  onWalked(): void;
  /** Settles when nothing more is to be read. */
  readonly ended: Promise<void>;
}

/** A key that has changed and is gone takes its place in the channel as well. */
export function changesTold(sink: AnswerSink, follower: Follower): AnswerSink {
  const gone = new EntryView();
  const onGone = (key: FoundKey): void => {
    showGone(gone, key);
    follower.onRead(gone);
    sink.onFound(gone);
  };
  return {
    ...emptyTold(sink),
    onGone: (key) => (follower.isChange(key.page) ? onGone(key) : sink.onGone(key)),
    onFoundAll: (entries) => {
      follower.onReadAll(entries);
      sink.onFoundAll(entries);
    },
    onFound: (entry) => {
      follower.onRead(entry);
      sink.onFound(entry);
    },
  };
}

/** A key that is there and empty takes its place in the channel as one that is gone: no other question tells that it is. */
export function emptyTold(sink: AnswerSink): AnswerSink {
  const gone = new EntryView();
  const onEmpty = (key: FoundKey): void => {
    showGone(gone, key);
    sink.onFound(gone);
  };
  return { ...sink, onEmpty };
}

/** The entry says that there is no such key. */
export function showGone(entry: EntryView, { db, key, page }: FoundKey): void {
  entry.kind = 'gone';
  entry.db = db;
  entry.page = page;
  entry.showKey(new Bytes(key), 0, key.length);
  entry.ownKey = key;
}
