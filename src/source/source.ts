// Where entries come from.

import type { Channel } from '../channel.ts';

export interface Source {
  /** Reads everything in scope into the channel, and returns when the last entry is in it. */
  read(channel: Channel): Promise<void>;
  /** Ends a `read` under way: it rejects with the reason. */
  stop(reason: Error): void;
}
