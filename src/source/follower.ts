// Keys that are read as they have changed: what becomes of one that is gone, or is of another type than those in scope by now.

import { Bytes } from '../../resp/bytes.ts';
import type { Entry } from '../flow/entry.ts';
import type { EntryRun } from '../flow/entry-run.ts';
import { EntryView } from '../flow/entry-view.ts';
import type { FoundKey, KeyId } from '../flow/key-id.ts';
import { typeOf } from '../rdb/payload.ts';
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

/**
 * A key that has changed and is gone, or is of another type by now, takes its place in the channel as well.
 * @param type of keys in scope, where only some are
 * @param askType what TYPE says of a value whose payload does not tell; `undefined` where nobody says
 */
export function changesTold(
  sink: AnswerSink,
  follower: Follower,
  type: string | undefined,
  askType: (entry: Entry) => Promise<string | undefined>,
): AnswerSink {
  const gone = new EntryView();
  const onGone = (key: FoundKey): void => {
    showGone(gone, key);
    follower.onRead(gone);
    sink.onFound(gone);
  };
  const onFound = (entry: EntryView): void => {
    follower.onRead(entry);
    sink.onFound(entry);
  };
  const onJudged = (entry: EntryView, found: string | undefined): void =>
    // What nobody knows the type of may be of that one.
    found === undefined || found === type ? onFound(entry) : onGone({ db: entry.db, key: entry.key, page: entry.page });
  const judge = (entry: EntryView): void => {
    const { payload } = entry;
    const found = payload === null ? undefined : typeOf(payload);
    if (found !== undefined && found !== 'module') return onJudged(entry, found);
    // Its place is kept, and it is read no more meanwhile: its round is under way.
    const copy = entry.copy();
    void askType(copy).then((told) => onJudged(EntryView.of(copy), told));
  };
  return {
    ...emptyTold(sink),
    onGone: (key) => (follower.isChange(key.page) ? onGone(key) : sink.onGone(key)),
    onFoundAll: (entries) => {
      if (type === undefined || !follower.isChange(entries.page)) {
        follower.onReadAll(entries);
        sink.onFoundAll(entries);
        return;
      }
      const view = new EntryView();
      for (let i = 0; i < entries.length; i++) {
        entries.show(i, view);
        judge(view);
      }
    },
    onFound: (entry) => {
      if (type === undefined || !follower.isChange(entry.page)) onFound(entry);
      else judge(entry);
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
