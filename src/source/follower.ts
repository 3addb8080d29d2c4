// Keys that are read as they have changed: what becomes of one that is gone, empty, or of another type by now.

import { Bytes } from '../../resp/bytes.ts';
import type { EntryRun } from '../flow/entry-run.ts';
import { EntryView } from '../flow/entry-view.ts';
import type { FoundKey, KeyId } from '../flow/key-id.ts';
import { mayBeOfType, typeNameOf } from '../rdb/modules.ts';
import { typeBytesOf } from '../rdb/payload.ts';
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

/**
 * Where only keys of one type are in scope, one is as good as gone that has become one of another between the question for its
 * type and the reading of its value. A value that is to be read in pieces is judged by whoever reads these.
 */
export function ofOneType(sink: AnswerSink, type: string): AnswerSink {
  const typeBytes = typeBytesOf(type);
  const isSo = (entry: EntryView): boolean => {
    if (entry.kind !== 'value' || typeBytes[entry.payloadIn.buffer[entry.payloadAt]!] === 1) return true;
    return mayBeOfType(typeNameOf(entry.payload!), type);
  };
  const onFound = (entry: EntryView): void => {
    if (isSo(entry)) sink.onFound(entry);
    else sink.onGone({ db: entry.db, key: entry.key, page: entry.page });
  };
  const view = new EntryView();
  return {
    ...sink,
    onFound,
    onFoundAll: (entries) => {
      let same = 0;
      while (same < entries.length && typeBytes[entries.typeByteOf(same)] === 1) same++;
      if (same === entries.length) return sink.onFoundAll(entries);
      for (let i = 0; i < entries.length; i++) {
        entries.show(i, view);
        onFound(view);
      }
    },
  };
}

/** The entry says that there is no such key. */
export function showGone(entry: EntryView, { db, key, page }: FoundKey): void {
  entry.kind = 'gone';
  entry.db = db;
  entry.page = page;
  entry.showKey(new Bytes(key), 0, key.length);
  entry.ownKey = key;
}
