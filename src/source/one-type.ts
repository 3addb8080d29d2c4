// Keys of one type alone: SCAN and TYPE tell what a key was, and its payload what it is. Where it has become one of another type
// in between, it is out of scope as if it had never been found.

import type { Entry } from '../flow/entry.ts';
import { EntryView } from '../flow/entry-view.ts';
import type { FoundKey } from '../flow/key-id.ts';
import { typeNameOf } from '../rdb/modules.ts';
import { typeBytesOf } from '../rdb/payload.ts';
import type { AnswerSink } from './lookup.ts';

/**
 * @param onOther the key is of another type by now: its place in the channel is kept until that is seen to
 * @param askType what TYPE says of a value that has no payload; `undefined` where nobody says
 */
export function ofOneType(
  sink: AnswerSink,
  type: string,
  onOther: (key: FoundKey) => void,
  askType: (entry: Entry) => Promise<string | undefined>,
): AnswerSink {
  const typeBytes = typeBytesOf(type);
  const judge = (entry: EntryView, found: string | undefined): void => {
    // What nobody knows the type of may be of that one.
    if (found === undefined || found === type) sink.onFound(entry);
    else onOther({ db: entry.db, key: entry.key, page: entry.page });
  };
  const onFound = (entry: EntryView): void => {
    if (entry.kind === 'value') {
      const isSo = typeBytes[entry.payloadIn.buffer[entry.payloadAt]!] === 1;
      judge(entry, isSo ? type : typeNameOf(entry.payload!));
    } else {
      // A round that it is of waits for it.
      const copy = entry.copy();
      void askType(copy).then((told) => judge(EntryView.of(copy), told));
    }
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
