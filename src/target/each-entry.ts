// A target that hands each entry to a function and keeps nothing.

import type { Channel } from '../flow/channel.ts';
import { newEntry, sizeOf, type Entry } from '../flow/entry.ts';
import type { Target } from './target.ts';

/** @param onEntry the entry is used again: copy what is kept */
export function eachEntry(onEntry: (entry: Entry) => Promise<void> | void): Target {
  return {
    async write(channel: Channel): Promise<void> {
      const entry = newEntry();
      while (await channel.readable()) {
        let keys = 0;
        let bytes = 0;
        while (channel.take(entry)) {
          keys++;
          bytes += sizeOf(entry);
          const waiting = onEntry(entry);
          if (waiting !== undefined) await waiting;
        }
        channel.settle(keys, bytes);
      }
    },
  };
}
