// Counts what would be written, by type, and writes nothing.

import type { Channel } from '../flow/channel.ts';
import { sizeOf, type Entry } from '../flow/entry.ts';
import { typeOf } from '../rdb/payload.ts';
import { eachEntry } from './each-entry.ts';
import type { Target } from './target.ts';

export interface TypeFigures {
  /** As TYPE names it. */
  readonly type: string;
  readonly keys: number;
  /** Memory at the source, estimated by it, or bytes in a file; `null` where it could not be learnt. */
  readonly bytes: number | null;
}

export class DryRunTarget implements Target {
  readonly #counting = eachEntry((entry) => this.#count(entry));
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

  write(channel: Channel): Promise<void> {
    return this.#counting.write(channel);
  }

  #count(entry: Entry): void {
    const { payload, large } = entry;
    if (payload !== null) this.add(typeOf(payload) ?? 'unknown', sizeOf(entry));
    else if (large !== null) this.add(large.type ?? 'unknown', large.bytes && sizeOf(entry) + large.bytes);
  }
}
