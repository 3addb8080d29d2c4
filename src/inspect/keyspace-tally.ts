// Counts what comes out of the channel: by type, by prefix, by slot, and which keys are the largest and the hottest. It keeps no value.

import type { Channel } from '../flow/channel.ts';
import { slotOf, SLOTS } from '../cluster/slot.ts';
import { newEntry } from '../flow/entry.ts';
import type { EntryRun } from '../flow/entry-run.ts';
import { EntryView } from '../flow/entry-view.ts';
import { Settling } from '../flow/settling.ts';
import { typeNameOf } from '../rdb/modules.ts';
import { NEVER } from '../rdb/milliseconds.ts';
import { PLAIN_TYPE_BYTES } from '../rdb/payload.ts';
import type { Target } from '../target/target.ts';
import { Largest } from './largest.ts';
import { Prefixes } from './prefixes.ts';

export interface TallyOptions {
  /** Colons in a prefix, at most. */
  readonly depth: number;
  readonly isCluster: boolean;
}

export interface TypeCount {
  keys: number;
  /** Of payloads; of values that are not dumped, of memory, by what the server says. */
  bytes: number;
  expiring: number;
}

const MOST_LARGEST = 20;
/** Types that are told apart: a damaged file may name any number of modules. */
const MOST_TYPES = 1000;
/** What the others are counted as. */
const OTHERS = 'others';
/** What a key is counted as that does not tell its type. */
const UNKNOWN = 'unknown';
/** Modules have a name behind the type byte. */
const MODULE_BYTES: ReadonlySet<number> = new Set([PLAIN_TYPE_BYTES.module - 1, PLAIN_TYPE_BYTES.module]);

export class KeyspaceTally implements Target {
  readonly types = new Map<string, TypeCount>();
  readonly prefixes: Prefixes;
  readonly largest = new Largest(MOST_LARGEST);
  readonly hottest = new Largest(MOST_LARGEST);
  /** By slot, of a cluster. */
  readonly slotKeys: Float64Array;
  readonly slotBytes: Float64Array;
  /** Values that were not dumped. */
  large = 0;
  keys = 0;
  bytes = 0;
  readonly #isCluster: boolean;
  readonly #settling = new Settling();
  readonly #view = new EntryView();
  /** By type byte, of values that are no modules. */
  readonly #byTypeByte: ({ readonly name: string; readonly count: TypeCount } | undefined)[] = [];

  constructor({ depth, isCluster }: TallyOptions) {
    this.prefixes = new Prefixes(depth);
    this.#isCluster = isCluster;
    this.slotKeys = new Float64Array(isCluster ? SLOTS : 0);
    this.slotBytes = new Float64Array(isCluster ? SLOTS : 0);
  }

  async write(channel: Channel): Promise<void> {
    channel.handTo({ take: (entry) => this.#take(entry, channel), takeRun: (run) => this.#takeRun(run, channel) });
    const entry = newEntry();
    const view = this.#view;
    while (await channel.readable()) {
      while (channel.take(entry)) {
        view.show(entry);
        this.#take(view, channel);
      }
    }
  }

  #take(entry: EntryView, channel: Channel): boolean {
    this.#count(entry);
    channel.settle(entry.page, entry.size);
    return true;
  }

  #takeRun(run: EntryRun, channel: Channel): number {
    const view = this.#view;
    const settling = this.#settling;
    for (let i = 0; i < run.length; i++) {
      run.show(i, view);
      this.#count(view);
      settling.add(view.page, view.size);
    }
    channel.settleAll(settling);
    settling.clear();
    return run.length;
  }

  #count(entry: EntryView): void {
    const { kind, db, keyIn, keyAt, keyEnd, payloadAt, payloadEnd, large } = entry;
    if (kind === 'gone') return;
    const bytes = large === null ? payloadEnd - payloadAt : (large.bytes ?? 0);
    const { name, count } = large === null ? this.#typeOf(entry) : this.#named(large.type ?? UNKNOWN);
    count.keys++;
    count.bytes += bytes;
    if (entry.expireAt !== NEVER) count.expiring++;
    if (large !== null) this.large++;
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

  #typeOf({ payloadIn, payloadAt, payloadEnd }: EntryView): { readonly name: string; readonly count: TypeCount } {
    const { buffer } = payloadIn;
    const typeByte = buffer[payloadAt]!;
    const known = this.#byTypeByte[typeByte];
    if (known !== undefined) return known;
    const found = this.#named(typeNameOf(buffer.subarray(payloadAt, payloadEnd)) ?? `${UNKNOWN} (${typeByte})`);
    if (!MODULE_BYTES.has(typeByte)) this.#byTypeByte[typeByte] = found;
    return found;
  }

  #named(name: string): { readonly name: string; readonly count: TypeCount } {
    const isKnown = this.types.has(name) || this.types.size < MOST_TYPES;
    const shown = isKnown ? name : OTHERS;
    let count = this.types.get(shown);
    if (count === undefined) {
      count = { keys: 0, bytes: 0, expiring: 0 };
      this.types.set(shown, count);
    }
    return { name: shown, count };
  }
}
