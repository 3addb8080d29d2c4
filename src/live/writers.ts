// Whether anybody writes to the source, or keys only expire there; and who still writes after the cutover. What the feeds tell is
// held against what the servers say they have removed by themselves.

import { askInfo } from '../server/info.ts';
import type { Feeds } from './feeds.ts';
import type { Rounds } from './rounds.ts';

const MOST_NAMES = 20;

export class Writers {
  readonly #feeds: Feeds;
  readonly #rounds: Rounds;
  /** What the servers had removed at the first look. */
  #before: { readonly keys: number; readonly fields: number } | undefined;
  /** Changes that somebody made, as far as they were seen. */
  #made = 0;
  #idleSince = performance.now();
  #names: Map<string, Buffer> | undefined;

  constructor(feeds: Feeds, rounds: Rounds) {
    this.#feeds = feeds;
    this.#rounds = rounds;
  }

  /** A key has changed. */
  see(key: Buffer): void {
    if (this.#names !== undefined && this.#names.size < MOST_NAMES)
      this.#names.set(key.toString('latin1'), Buffer.from(key));
  }

  /** From now on the first keys are kept by name. */
  beginNaming(): void {
    this.#names = new Map();
  }

  get names(): readonly Buffer[] {
    return [...(this.#names?.values() ?? [])];
  }

  /** Milliseconds for which nobody wrote, as far as the looks so far tell. @param changes as of `look` */
  async idleFor(changes: number): Promise<number> {
    const before = this.#made;
    const isFirst = this.#before === undefined;
    await this.look(changes);
    if (isFirst || this.#made > before) this.#idleSince = performance.now();
    return performance.now() - this.#idleSince;
  }

  /**
   * How many changes somebody made so far: keys and fields that expire are none, nor are keys that are thrown away.
   * @param changes that the feeds had told by a moment; all of them are read by now
   */
  async look(changes: number): Promise<number> {
    const removed = await this.#askServers();
    this.#before ??= removed;
    const keys = Math.min(this.#rounds.gone, removed.keys - this.#before.keys);
    const fields = removed.fields - this.#before.fields;
    this.#made = Math.max(this.#made, changes - keys - fields);
    return this.#made;
  }

  async #askServers(): Promise<{ readonly keys: number; readonly fields: number }> {
    const infos = await Promise.all(
      this.#feeds.feeds.map(async ({ server }) => {
        // Whoever is being opened anew is asked the next time.
        if (server === undefined || server.connection.error !== undefined) return undefined;
        return askInfo(server.connection).catch(() => undefined);
      }),
    );
    let [keys, fields] = [0, 0];
    for (const info of infos) {
      keys += (info?.expiredKeys ?? 0) + (info?.evictedKeys ?? 0);
      fields += info?.expiredFields ?? 0;
    }
    return { keys, fields };
  }
}
