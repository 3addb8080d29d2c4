// Finds what a gap has left behind: names of the target that no key of the source in scope accounts for. It reads no values, and
// removes nothing.

import type { RespError } from '../../resp/errors.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { SlotSet } from '../cluster/slot.ts';
import { forNames } from '../cluster/node-hearing.ts';
import { Channel } from '../flow/channel.ts';
import { newEntry, sizeOf, type Entry } from '../flow/entry.ts';
import { Failure } from '../flow/failure.ts';
import { NO_PAGE, type KeyId } from '../flow/key-id.ts';
import type { Wanted } from '../scan/cluster-walk.ts';
import { Lookup } from '../source/lookup.ts';
import type { Target } from '../target/target.ts';
import { originsOf, readsNames, walkNames, type NameWalkOptions } from './name-walk.ts';
import type { HeldNames } from './dirty-keys.ts';
import type { OwnNames } from './own-names.ts';

export interface LeftoverOptions extends NameWalkOptions {
  readonly ownNames: Pick<OwnNames, 'has' | 'isComplete'>;
  /** Whether what may be the target's own goes as well. */
  readonly removesInDoubt: boolean;
  /** Databases of the source that the gap is about; all where it is missing. */
  readonly databases?: readonly number[] | undefined;
  /** Keys of the source that it is about; all where it is missing. */
  readonly wanted?: Wanted | undefined;
  /** Slots whose keys these are, where that is all. */
  readonly slots?: SlotSet | undefined;
}

export interface LeftoverSink {
  /**
   * The source does not have this key, whose name the target has: it is to be read once more, and goes if it is gone. Where
   * several keys may have the name, each of them is told, as nobody knows which one has got it.
   */
  onLeftover(db: number, key: Buffer): void;
  /**
   * The same where the name may be the target's own; `db` and `name` are those of the target.
   * @param why one of both sides would not say what was to be known of it
   */
  onDoubt(db: number, name: Buffer, why?: RespError): void;
  /**
   * Settles once more keys may be told; `undefined` where they may be told now.
   * @param asked what the source is asked for, all of which may be told
   */
  roomy(asked: HeldNames): Promise<void> | undefined;
  /** That has become less, while it is waited for room. */
  onAnswered(): void;
}

/** A name of the target while the source is asked for the keys that it may come from, one after the other. */
interface Asked {
  readonly db: number;
  readonly name: Buffer;
  readonly page: number;
  /** All of them, and how many were asked for. */
  readonly origins: readonly KeyId[];
  asked: number;
  /** The source would not say of one of them. */
  refusal?: RespError;
}

/**
 * Asks the source for each name in scope that the target has throughout, and that is not its own; a name that comes or goes
 * meanwhile may be told or not. So it is to begin when changes are told again, and when every entry that was read before is
 * settled: what is written only now, and was deleted in the gap, would be missed.
 * @throws RespError where a node of either side is lost for good, or not all of the target can be walked; the reason of the
 *   target's signal
 */
export async function findLeftovers(
  source: Deployment,
  target: Deployment,
  options: LeftoverOptions,
  sink: LeftoverSink,
): Promise<void> {
  const { mapping, databases, slots } = options;
  const dbs = databases?.map((db) => mapping.targetOf(db, NO_NAME).db) ?? mapping.targetDbs;
  const search = new LeftoverSearch(source, options, sink);
  const walk = {
    databases: [...new Set(dbs)],
    scope: mapping.targetScope,
    // A name that is not the key's own may be in any slot.
    slots: mapping.isPlain ? slots : undefined,
    onRefused: search.refuse.bind(search),
    // That keys go meanwhile is what this is for.
    onShrunk: () => {},
  };
  await walkNames(target, options, walk, search);
}

const NO_NAME = Buffer.alloc(0);

class LeftoverSearch implements Target, HeldNames {
  readonly #options: LeftoverOptions;
  readonly #sink: LeftoverSink;
  readonly #lookup: Lookup;
  readonly #failure = new Failure();
  /** By the Buffer that the source is asked with. */
  readonly #asked = new Map<Buffer, Asked>();
  #isWaiting = false;
  #channel!: Channel;
  /** Keys that names may come from for which the source is asked, and what their names take. */
  held = 0;
  bytes = 0;

  constructor(source: Deployment, options: LeftoverOptions, sink: LeftoverSink) {
    this.#options = options;
    this.#sink = sink;
    const onThere = (key: Buffer): void => this.#onThere(source, key);
    this.#lookup = new Lookup(
      source,
      {
        retry: options.retry,
        onReconnect: options.onReconnect,
        hearing: forNames(options.hearing),
        newKeyReader: readsNames(options.mapping.targetScope.type, onThere),
      },
      {
        onGone: ({ key }) => this.#onGone(this.#take(key)),
        onRefused: ({ key }, error) => this.#onRefused(this.#take(key), error),
        onMoved: () => {},
        onFailed: (error) => this.#failure.fail(error),
      },
    );
  }

  write(channel: Channel): Promise<void> {
    this.#channel = channel;
    // Each question has its place in the channel of the names already.
    const room = new Channel({ maxEntries: Infinity, maxBytes: Infinity });
    // It ends when every name is settled.
    return this.#lookup.during(room, () => Promise.race([this.#askAll(channel), this.#failure.promise]));
  }

  /** The target would not say what it has under this name. */
  refuse(db: number, name: Buffer, error: RespError): void {
    if (this.#isAbout(db, name)) this.#sink.onDoubt(db, name, error);
  }

  async #askAll(channel: Channel): Promise<void> {
    const entry = newEntry();
    while (await channel.readable()) {
      while (channel.take(entry)) {
        this.#begin(entry);
        const room = this.#sink.roomy(this);
        if (room !== undefined) await this.#wait(room);
      }
    }
  }

  async #wait(room: Promise<void>): Promise<void> {
    this.#isWaiting = true;
    await room;
    this.#isWaiting = false;
  }

  #begin(entry: Entry): void {
    const { db, key: name, page } = entry;
    const origins = this.#originsOf(db, name);
    if (!origins.some((origin) => this.#isInGap(origin))) return this.#channel.settle(page, sizeOf(entry));
    this.#count(origins, 1);
    this.#askNext({ db, name, page, origins, asked: 0 });
  }

  #isAbout(db: number, name: Buffer): boolean {
    return this.#originsOf(db, name).some((origin) => this.#isInGap(origin));
  }

  #originsOf(db: number, name: Buffer): readonly KeyId[] {
    const { mapping, ownNames } = this.#options;
    return ownNames.has(db, name) ? [] : originsOf(mapping, db, name);
  }

  #isInGap({ db, key }: KeyId): boolean {
    const { databases, wanted } = this.#options;
    return databases?.includes(db) !== false && wanted?.(key) !== false;
  }

  /** Whether there was another key to ask for. */
  #askNext(asked: Asked): boolean {
    const next = asked.origins[asked.asked++];
    if (next === undefined) return false;
    this.#asked.set(next.key, asked);
    this.#lookup.read({ ...next, page: NO_PAGE, asking: false });
    return true;
  }

  /** The source has it; nobody may tell where it goes. */
  #onThere(source: Deployment, key: Buffer): void {
    const asked = this.#take(key);
    const node = source.nodeOf(key);
    const { db } = asked.origins[asked.asked - 1]!;
    if (node !== undefined) this.#options.hearing?.askedOf(node.id)?.add({ db, key });
    this.#done(asked);
  }

  /** This key does not account for the name; another one may. */
  #onGone(asked: Asked): void {
    if (this.#askNext(asked)) return;
    const { db, name, origins } = asked;
    const { ownNames, removesInDoubt } = this.#options;
    if (asked.refusal !== undefined) this.#sink.onDoubt(db, name, asked.refusal);
    else if (!ownNames.isComplete && !removesInDoubt) this.#sink.onDoubt(db, name);
    else for (const origin of origins) this.#sink.onLeftover(origin.db, origin.key);
    this.#done(asked);
  }

  #onRefused(asked: Asked, error: RespError): void {
    asked.refusal ??= error;
    this.#onGone(asked);
  }

  #take(key: Buffer): Asked {
    const asked = this.#asked.get(key)!;
    this.#asked.delete(key);
    return asked;
  }

  #done({ page, name, origins }: Asked): void {
    this.#count(origins, -1);
    this.#channel.settle(page, name.length);
    if (this.#isWaiting) this.#sink.onAnswered();
  }

  #count(origins: readonly KeyId[], by: 1 | -1): void {
    this.held += by * origins.length;
    for (const { key } of origins) this.bytes += by * key.length;
  }
}
