// What the servers of the source have removed by themselves since they are followed, as far as they have said: a server counts on
// while nobody listens, and begins anew where it is restarted.

import type { ServerInfo } from '../server/info.ts';

/** Keys that had expired or were thrown away, and fields that had expired. */
export interface Removed {
  readonly keys: number;
  readonly fields: number;
}

type Counted = Pick<ServerInfo, 'runId' | 'expiredKeys' | 'evictedKeys' | 'expiredFields'>;

/** Of one node, from the first answer on. */
export class RemovedCounts implements Removed {
  keys = 0;
  fields = 0;
  #last: Counted | undefined;

  hear(info: Counted): void {
    const before = this.#last?.runId === info.runId ? this.#last : info;
    this.#last = info;
    // The counts may have been reset.
    this.keys += Math.max(0, info.expiredKeys + info.evictedKeys - before.expiredKeys - before.evictedKeys);
    this.fields += Math.max(0, info.expiredFields - before.expiredFields);
  }
}

export function sumOf(all: Iterable<Removed>): Removed {
  let [keys, fields] = [0, 0];
  for (const each of all) {
    keys += each.keys;
    fields += each.fields;
  }
  return { keys, fields };
}
