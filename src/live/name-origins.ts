// Which keys of the source may have a name of the target, where that may be several, and which of them are there now.

import type { Deployment } from '../cluster/deployment.ts';
import { forNames } from '../cluster/node-hearing.ts';
import type { NodeLinkOptions } from '../cluster/node-link.ts';
import { Channel } from '../flow/channel.ts';
import { NO_PAGE, type KeyId } from '../flow/key-id.ts';
import { Lookup } from '../source/lookup.ts';
import type { KeyMapping } from '../target/key-mapping.ts';
import type { NameOrigins } from '../target/target.ts';
import { originsOf, readsNames } from './name-walk.ts';

export interface SourceOriginsOptions extends NodeLinkOptions {
  readonly mapping: KeyMapping;
}

export class SourceOrigins implements NameOrigins {
  readonly #mapping: KeyMapping;
  readonly #lookup: Lookup;
  /** By the Buffer that the source is asked with. */
  readonly #asked = new Map<Buffer, (isThere: boolean) => void>();

  /** @param onFailed some node of the source was lost for good */
  constructor(source: Deployment, { mapping, ...link }: SourceOriginsOptions, onFailed: (error: unknown) => void) {
    this.#mapping = mapping;
    const answer = (key: Buffer, isThere: boolean): void => {
      this.#asked.get(key)!(isThere);
      this.#asked.delete(key);
    };
    const newKeyReader = readsNames(mapping.targetScope.type, (key) => answer(key, true));
    this.#lookup = new Lookup(
      source,
      { ...link, hearing: forNames(link.hearing), newKeyReader },
      {
        onGone: ({ key }) => answer(key, false),
        // What may not be read has no value to write: whoever reads it tells so.
        onRefused: ({ key }) => answer(key, false),
        onMoved: () => {},
        onFailed,
      },
    );
    // Whoever asks has a place for the answer already.
    this.#lookup.begin(new Channel({ maxEntries: Infinity, maxBytes: Infinity }));
  }

  of(targetDb: number, name: Buffer): readonly KeyId[] {
    return originsOf(this.#mapping, targetDb, name);
  }

  async existing(keys: readonly KeyId[]): Promise<readonly KeyId[]> {
    const answers = await Promise.all(keys.map((key) => this.#isThere(key)));
    return keys.filter((_, index) => answers[index]);
  }

  /** They are read from this server process, and from no other that may be behind the name of the node. */
  demandServer(nodeId: string, runId: string): void {
    this.#lookup.demandServer(nodeId, runId);
  }

  end(): void {
    this.#lookup.finish();
  }

  /** Two databases may have a key of this name: each question has a Buffer of its own. */
  #isThere({ db, key }: KeyId): Promise<boolean> {
    return new Promise((resolve) => {
      const own = Buffer.from(key);
      this.#asked.set(own, resolve);
      this.#lookup.read({ db, key: own, page: NO_PAGE, asking: false });
    });
  }
}
