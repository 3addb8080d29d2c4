// Where entries go.

import type { Channel } from '../channel.ts';

export interface Target {
  /**
   * Writes what comes out of the channel, and returns when all of it is acknowledged. Where the channel ends with a reason,
   * what was sent until then is still waited for, then it rejects with that reason.
   */
  write(channel: Channel): Promise<void>;
}
