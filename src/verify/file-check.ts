// The check of two files: as much of the target's as the budget holds is kept and compared with the source's, part by part.

import { ownCopy } from '../flow/own-copy.ts';
import { idOf } from '../flow/key-id.ts';
import { NameHash } from '../flow/name-table.ts';
import { sizeOf, type Entry } from '../flow/entry.ts';
import { NEVER } from '../rdb/milliseconds.ts';
import { PayloadError } from '../rdb/payload.ts';
import { RespError } from '../../resp/errors.ts';
import type { Source } from '../source/source.ts';
import type { Run } from '../sync/preflight.ts';
import { KeyMapping } from '../target/key-mapping.ts';
import { eachEntry } from '../target/target.ts';
import { resultOf } from './asked-side.ts';
import { Findings, type CheckProgress } from './findings.ts';
import type { CheckSettings } from './options.ts';
import { Comparison, type Comparing } from './comparison.ts';
import { FileSide, isOfType, type Pass, type Passes } from './pass.ts';
import { HASH_RANGE } from './name-set.ts';

interface Kept {
  readonly entry: Entry;
  /** The first half of the hash of its name. */
  readonly high: number;
  /** Whether the source has it, too. */
  isMet: boolean;
}

/** What a kept entry takes beside its key and payload. */
const KEPT_BYTES = 400;
/** How much of the check is done once the part of the target's file was read. */
const LOADED = 0.5;

export class FileCheck implements Passes {
  readonly findings: Findings;
  readonly #run: Run<CheckSettings>;
  readonly #progress: CheckProgress;
  readonly #source: FileSide;
  readonly #target: FileSide;
  readonly #mapping: KeyMapping;
  readonly #comparison: Comparison;
  readonly #hash = new NameHash();
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;
  /** The part of the hashes of names that is kept. */
  #from = 0;
  #upTo = HASH_RANGE;

  constructor(run: Run<CheckSettings>, progress: CheckProgress) {
    const { plan, settings } = run;
    const { tellMatches, oneWay, ttlTolerance, bigKey } = settings;
    this.#run = run;
    this.#progress = progress;
    this.#source = new FileSide('source', run, progress);
    this.#target = new FileSide('target', run, progress);
    this.#mapping = new KeyMapping(plan, settings);
    this.#comparison = new Comparison(plan, { source: true, target: true }, ttlTolerance, bigKey);
    const askedOf = this.#mapping.targetOf.bind(this.#mapping);
    this.findings = new Findings({ walkedRole: 'source', clock: Date.now, askedOf, tellMatches, oneWay }, progress);
  }

  *passes(): Iterable<Pass> {
    for (; this.#from < HASH_RANGE; this.#from = this.#upTo) {
      if (this.#from > 0) this.#target.demandRereadable();
      // Of large values what is kept is where to read them.
      const loaded = this.#target.read([], true);
      try {
        yield* this.#passesOf(loaded);
      } finally {
        loaded.stop(new RespError('CLOSED', 'The comparison is over'));
      }
      this.#tellUnmet();
      this.#kept.clear();
      this.#bytes = 0;
    }
  }

  /** Files do not change. */
  rechecks(): Iterable<Pass> {
    return [];
  }

  *#passesOf(loaded: Source): Iterable<Pass> {
    this.#upTo = HASH_RANGE;
    yield { source: loaded, target: eachEntry((entry) => this.#keep(entry)), share: [0, LOADED] };
    if (this.#from > 0 || this.#upTo < HASH_RANGE) this.#source.demandRereadable();
    const source = this.#source.read(this.#run.plan.databases);
    const isFirst = this.#from === 0;
    yield { source, target: eachEntry((entry) => this.#compare(entry)), share: [LOADED, 1], isFirst };
  }

  /** What was not met is only at the target. */
  #tellUnmet(): void {
    for (const { entry, isMet } of this.#kept.values()) {
      if (isMet || !isOfType(entry, this.#run.settings.scope) || this.#hasExpired(entry)) continue;
      const walked = this.#mapping.sourcesOf(entry.db, entry.key);
      if (walked.length > 0) this.findings.onAskedOnly(walked, { db: entry.db, key: entry.key });
    }
  }

  #keep(entry: Entry): void {
    this.#hash.of(entry.db, entry.key);
    const { high } = this.#hash;
    if (high < this.#from || high >= this.#upTo) return;
    const id = idOf(entry);
    const old = this.#kept.get(id);
    if (old !== undefined) this.#bytes -= sizeOf(old.entry) + KEPT_BYTES;
    // Views would keep their chunks alive.
    const payload = entry.payload && ownCopy(entry.payload);
    this.#kept.set(id, { entry: { ...entry, key: ownCopy(entry.key), payload }, high, isMet: false });
    this.#bytes += sizeOf(entry) + KEPT_BYTES;
    while (this.#bytes > this.#run.settings.buffer && this.#kept.size > 1) this.#shrink();
  }

  #shrink(): void {
    this.#upTo = this.#from + Math.max(1, Math.floor((this.#upTo - this.#from) / 2));
    for (const [id, { entry, high }] of this.#kept) {
      if (high < this.#upTo) continue;
      this.#bytes -= sizeOf(entry) + KEPT_BYTES;
      this.#kept.delete(id);
    }
  }

  #compare(entry: Entry): Promise<void> | void {
    this.#mapping.addDb(entry.db);
    const target = this.#mapping.targetOf(entry.db, entry.key);
    this.#hash.of(target.db, target.key);
    if (this.#hash.high < this.#from || this.#hash.high >= this.#upTo) return;
    const kept = this.#kept.get(idOf(target));
    if (kept !== undefined) kept.isMet = true;
    if (!isOfType(entry, this.#run.settings.scope)) return;
    if (kept === undefined) return this.findings.onResult(entry, 'walkedOnly');
    try {
      const difference = this.#comparison.differenceOf(entry, kept.entry);
      if (difference instanceof Promise) return this.#await(entry, difference);
      this.findings.onResult(entry, ...resultOf(difference, 'source'));
    } catch (error) {
      this.#refuse(entry, error);
    }
  }

  async #await(entry: Entry, comparing: Promise<Comparing>): Promise<void> {
    try {
      this.findings.onResult(entry, ...resultOf(await comparing, 'source'));
    } catch (error) {
      this.#refuse(entry, error);
    }
  }

  #refuse({ db, key }: Entry, error: unknown): void {
    if (!(error instanceof PayloadError)) throw error;
    this.findings.onRefused(db, key, new RespError('PAYLOAD', error.message));
  }

  /** As the source would have left it out. */
  #hasExpired({ expireAt }: Entry): boolean {
    const hasExpired = expireAt !== NEVER && expireAt <= Date.now();
    if (hasExpired) this.#progress.onExpired();
    return hasExpired;
  }
}
