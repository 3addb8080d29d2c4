// Counts what would be written, by type, and writes nothing.

import type { Channel } from '../flow/channel.ts';
import { newEntry } from '../flow/entry-ring.ts';
import { sizeOf } from '../flow/entry.ts';
import { typeOf } from '../rdb/type-byte.ts';
import type { Target } from './target.ts';

export interface TypeFigures {
  /** As TYPE names it. */
  readonly type: string;
  readonly keys: number;
  /** Memory at the source, estimated by it, or bytes in a file; `null` where it could not be learnt. */
  readonly bytes: number | null;
}

export class DryRunTarget implements Target {
  readonly #types = new Map<string, { keys: number; bytes: number | null }>();

  /** @param bytes `undefined` where they could not be learnt */
  readonly add = (type: string, bytes: number | undefined): void => {
    const count = this.#types.get(type) ?? { keys: 0, bytes: 0 };
    count.keys++;
    count.bytes = count.bytes === null || bytes === undefined ? null : count.bytes + bytes;
    this.#types.set(type, count);
  };

  /** The most frequent first. */
  get types(): readonly TypeFigures[] {
    return [...this.#types].map(([type, count]) => ({ type, ...count })).toSorted((a, b) => b.keys - a.keys);
  }

  async write(channel: Channel): Promise<void> {
    const entry = newEntry();
    while (await channel.readable()) {
      while (channel.take(entry)) {
        const size = sizeOf(entry);
        if (entry.payload !== null) this.add(typeOf(entry.payload) ?? 'unknown', size);
        else if (entry.large !== null) {
          const { type = 'unknown', bytes } = entry.large;
          this.add(type, bytes && size + bytes);
        }
        channel.settle(1, size);
      }
    }
  }
}
