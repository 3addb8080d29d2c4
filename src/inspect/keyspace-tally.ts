// Counts what comes out of the channel: by type, by database, by prefix, by slot, and which keys are the largest and the hottest.
// It keeps no value.

import type { Channel } from '../flow/channel.ts';
import { slotOf, SLOTS } from '../cluster/slot.ts';
import { newEntry, type Entry } from '../flow/entry.ts';
import type { EntryRun } from '../flow/entry-run.ts';
import { EntryView } from '../flow/entry-view.ts';
import { ownCopy } from '../flow/own-copy.ts';
import { Settling } from '../flow/settling.ts';
import { typeNameOf } from '../rdb/modules.ts';
import { NEVER } from '../rdb/milliseconds.ts';
import { PLAIN_TYPE_BYTES } from '../rdb/payload.ts';
import type { Target } from '../target/target.ts';
import { GONE } from './large-facts.ts';
import { Largest } from './largest.ts';
import { Prefixes } from './prefixes.ts';

export interface TallyOptions {
  /** Colons in a prefix, at most. */
  readonly depth: number;
  readonly isCluster: boolean;
  /** What a server says of a value that is not dumped: its type, or `GONE`; `undefined` where nobody would say. */
  readonly typeOf?: ((db: number, key: Buffer) => Promise<string | undefined>) | undefined;
  /** How many bytes one takes whose reader could not learn it; `undefined` where nobody would say. */
  readonly sizeOf?: ((db: number, key: Buffer, type: string) => Promise<number | undefined>) | undefined;
}

export interface Count {
  keys: number;
  /** Of payloads; of values that are not dumped, of memory, by what the server says. */
  bytes: number;
  expiring: number;
}

const MOST_LARGEST = 20;
/** Databases that are told apart: a file may name any number of them. */
const MOST_DATABASES = 65_536;
/** Values whose types are asked for at once. */
const MOST_ASKED = 64;
/** Types that are told apart: a damaged file may name any number of modules. */
const MOST_TYPES = 1000;
/** What the others are counted as. */
const OTHERS = 'others';
/** What a key is counted as that does not tell its type. */
const UNKNOWN = 'unknown';
/** Modules have a name behind the type byte. */
const MODULE_BYTES: ReadonlySet<number> = new Set([PLAIN_TYPE_BYTES.module - 1, PLAIN_TYPE_BYTES.module]);

export class KeyspaceTally implements Target {
  readonly types = new Map<string, Count>();
  readonly databases = new Map<number, Count>();
  readonly prefixes: Prefixes;
  readonly largest = new Largest(MOST_LARGEST);
  readonly hottest = new Largest(MOST_LARGEST);
  /** By slot, of a cluster. */
  readonly slotKeys: Float64Array;
  readonly slotBytes: Float64Array;
  /** Values that were not dumped; a file has the bytes of their payloads. */
  large = 0;
  keys = 0;
  bytes = 0;
  readonly #isCluster: boolean;
  readonly #askType: TallyOptions['typeOf'];
  readonly #askSize: TallyOptions['sizeOf'];
  /** The database of the last key, and its count. */
  #db = -1;
  #database = newCount();
  readonly #settling = new Settling();
  readonly #view = new EntryView();
  /** By type byte, of values that are no modules. */
  readonly #byTypeByte: ({ readonly name: string; readonly count: Count } | undefined)[] = [];

  constructor({ depth, isCluster, typeOf, sizeOf }: TallyOptions) {
    this.prefixes = new Prefixes(depth);
    this.#askType = typeOf;
    this.#askSize = sizeOf;
    this.#isCluster = isCluster;
    this.slotKeys = new Float64Array(isCluster ? SLOTS : 0);
    this.slotBytes = new Float64Array(isCluster ? SLOTS : 0);
  }

  async write(channel: Channel): Promise<void> {
    channel.handTo({ take: (entry) => this.#take(entry, channel), takeRun: (run) => this.#takeRun(run, channel) });
    const entry = newEntry();
    const view = this.#view;
    const untold: Entry[] = [];
    while (await channel.readable()) {
      while (channel.take(entry)) {
        view.show(entry);
        if (this.#take(view, channel)) continue;
        untold.push({ ...entry, key: ownCopy(entry.key) });
        if (untold.length === MOST_ASKED) break;
      }
      await this.#takeUntold(untold.splice(0), channel);
    }
  }

  /** @returns false for a value whose type has to be asked for */
  #take(entry: EntryView, channel: Channel): boolean {
    if (this.#askType !== undefined && entry.large !== null && entry.large.type === undefined) return false;
    this.#count(entry, entry.large?.type);
    channel.settle(entry.page, entry.size);
    return true;
  }

  async #takeUntold(entries: readonly Entry[], channel: Channel): Promise<void> {
    const told = await Promise.all(entries.map((entry) => this.#ask(entry)));
    const view = this.#view;
    for (const [i, entry] of entries.entries()) {
      view.show(entry);
      const { type, bytes } = told[i]!;
      if (type !== GONE) this.#count(view, type, bytes);
      channel.settle(view.page, view.size);
    }
  }

  async #ask({
    db,
    key,
    large,
  }: Entry): Promise<{ readonly type: string | undefined; readonly bytes?: number | undefined }> {
    const type = await this.#askType!(db, key);
    const isUntold = large?.bytes === undefined && type !== undefined && type !== GONE;
    return { type, bytes: isUntold ? await this.#askSize?.(db, key, type) : large?.bytes };
  }

  #takeRun(run: EntryRun, channel: Channel): number {
    const view = this.#view;
    const settling = this.#settling;
    for (let i = 0; i < run.length; i++) {
      run.show(i, view);
      this.#count(view, undefined);
      settling.add(view.page, view.size);
    }
    channel.settleAll(settling);
    settling.clear();
    return run.length;
  }

  /** @param largeType of a value that is not dumped, as its bytes */
  #count(entry: EntryView, largeType: string | undefined, largeBytes = entry.large?.bytes): void {
    const { kind, db, keyIn, keyAt, keyEnd, payloadAt, payloadEnd, large } = entry;
    if (kind === 'gone') return;
    const bytes = large === null ? payloadEnd - payloadAt : (largeBytes ?? 0);
    const expires = entry.expireAt !== NEVER;
    const { name, count } = large === null ? this.#typeOf(entry) : this.#named(largeType ?? UNKNOWN);
    add(count, bytes, expires);
    if (db !== this.#db) this.#use(db);
    add(this.#database, bytes, expires);
    if (large !== null && this.#askType !== undefined) this.large++;
    this.keys++;
    this.bytes += bytes;
    this.prefixes.count(keyIn.buffer, keyAt, keyEnd, bytes);
    if (this.#isCluster) {
      const slot = slotOf(keyIn.buffer, keyAt, keyEnd);
      this.slotKeys[slot]!++;
      this.slotBytes[slot]! += bytes;
    }
    if (this.largest.admits(bytes)) this.largest.add(db, keyIn.buffer, keyAt, keyEnd, name, bytes);
    const { frequency } = entry;
    if (frequency >= 0 && this.hottest.admits(frequency))
      this.hottest.add(db, keyIn.buffer, keyAt, keyEnd, name, frequency);
  }

  #typeOf({ payloadIn, payloadAt, payloadEnd }: EntryView): { readonly name: string; readonly count: Count } {
    const { buffer } = payloadIn;
    const typeByte = buffer[payloadAt]!;
    const known = this.#byTypeByte[typeByte];
    if (known !== undefined) return known;
    const found = this.#named(typeNameOf(buffer.subarray(payloadAt, payloadEnd)) ?? `${UNKNOWN} (${typeByte})`);
    if (!MODULE_BYTES.has(typeByte)) this.#byTypeByte[typeByte] = found;
    return found;
  }

  #use(db: number): void {
    const known = this.databases.get(db);
    this.#db = db;
    this.#database = known ?? newCount();
    if (known === undefined && this.databases.size < MOST_DATABASES) this.databases.set(db, this.#database);
  }

  #named(name: string): { readonly name: string; readonly count: Count } {
    const isKnown = this.types.has(name) || this.types.size < MOST_TYPES;
    const shown = isKnown ? name : OTHERS;
    let count = this.types.get(shown);
    if (count === undefined) {
      count = newCount();
      this.types.set(shown, count);
    }
    return { name: shown, count };
  }
}

function newCount(): Count {
  return { keys: 0, bytes: 0, expiring: 0 };
}

function add(count: Count, bytes: number, expires: boolean): void {
  count.keys++;
  count.bytes += bytes;
  if (expires) count.expiring++;
}
