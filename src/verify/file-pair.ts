// Two files: as much of the target's as the budget holds is kept, and the source's is held against it; then the next part.

import { idOf } from '../flow/key-id.ts';
import { type Entry, sizeOf } from '../flow/entry.ts';
import { ownCopy } from '../flow/own-copy.ts';
import { NEVER } from '../rdb/milliseconds.ts';
import { PayloadError } from '../rdb/payload-error.ts';
import { typeOf } from '../rdb/type-byte.ts';
import { RespError } from '../../resp/errors.ts';
import { KeyScope } from '../scan/key-scope.ts';
import type { Source } from '../source/source.ts';
import { sourceOf } from '../sync/ends.ts';
import type { Plan } from '../sync/plan.ts';
import type { Settings } from '../sync/settings.ts';
import type { Target } from '../target/target.ts';
import { TOLD_BEFORE, type CheckProgress } from './check-progress.ts';
import type { CheckSettings } from './check-settings.ts';
import { Comparison, type Comparing } from './comparison.ts';
import { Drain } from './drain.ts';
import { Findings } from './findings.ts';
import { resultOf } from './compare-walk.ts';
import { NameHash } from './name-hash.ts';
import { HASH_RANGE } from './name-set.ts';
import { Origins } from './origins.ts';
import { demandRereadable } from './single-pass.ts';

interface Kept {
  readonly entry: Entry;
  /** The first half of the hash of its name. */
  readonly high: number;
  isMet: boolean;
}

/** What a kept entry takes beside its key and payload. */
const KEPT_BYTES = 400;

const NO_SERVERS = { source: undefined, target: undefined };

export class FilePair {
  readonly findings: Findings;
  readonly #plan: Plan;
  readonly #settings: CheckSettings;
  readonly #progress: CheckProgress;
  readonly #origins: Origins;
  readonly #comparison: Comparison;
  readonly #hash = new NameHash();
  readonly #kept = new Map<string, Kept>();
  /** The target's file: of large values what was kept is where to read them. */
  #loaded: Source | undefined;
  #bytes = 0;
  #from = 0;
  #upTo = HASH_RANGE;

  constructor(plan: Plan, settings: CheckSettings, progress: CheckProgress) {
    this.#plan = plan;
    this.#settings = settings;
    this.#progress = progress;
    this.#origins = new Origins(plan, settings);
    this.#comparison = new Comparison(plan, { source: true, target: true }, settings.ttlTolerance, settings.bigKey);
    const { tellMatches, oneWay } = settings;
    const otherOf = (db: number, key: Buffer): { db: number; key: Buffer } => this.#targetOf(db, key);
    this.findings = new Findings({ walkedRole: 'source', clock: Date.now, otherOf, tellMatches, oneWay }, progress);
  }

  /** Whether every key of both was compared. */
  get isDone(): boolean {
    return this.#from >= HASH_RANGE;
  }

  /** The target's file, and what keeps a part of it. */
  load(): { source: Source; target: Target } {
    if (this.#from > 0) demandRereadable(this.#settings.to);
    this.#upTo = HASH_RANGE;
    const source = this.#read(this.#settings.to, [], this.#plan.targetFields, { outlives: true });
    this.#loaded = source;
    return { source, target: new Drain((entry) => this.#keep(entry)) };
  }

  /** The source's file, and what holds it against that part. */
  compare(): { source: Source; target: Target } {
    if (this.#from > 0 || this.#upTo < HASH_RANGE) demandRereadable(this.#settings.from);
    const { databases, fields } = this.#plan;
    const scope = this.#settings.scope.ofAnyType;
    const source = this.#read(this.#settings.from, databases, fields, { scope });
    return { source, target: new Drain((entry) => this.#look(entry)) };
  }

  /** What was not met is only at the target; the next part is next. */
  next(): void {
    for (const { entry, isMet } of this.#kept.values()) {
      if (isMet || !this.#isOfType(entry) || this.#hasExpired(entry)) continue;
      const walked = this.#origins.of(entry.db, entry.key);
      if (walked.length > 0) this.findings.onOtherOnly(walked, { db: entry.db, key: entry.key });
    }
    this.close();
    this.#kept.clear();
    this.#bytes = 0;
    this.#from = this.#upTo;
  }

  /** Once nothing of what was kept is compared any more. */
  close(): void {
    this.#loaded?.stop(new RespError('CLOSED', 'The comparison is over'));
  }

  #read(
    end: Settings['from'],
    databases: Plan['databases'],
    fields: Plan['fields'],
    { scope = new KeyScope({}), outlives = false }: { readonly scope?: KeyScope; readonly outlives?: boolean },
  ): Source {
    const settings = { ...this.#settings, from: end, scope, preserveIdle: false };
    const sink = this.#from === 0 ? this.#progress : TOLD_BEFORE;
    return sourceOf(NO_SERVERS, { databases, keys: 0, mode: this.#plan.mode, fields }, settings, sink, {
      bigKey: settings.bigKey,
      outlives,
    });
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
    while (this.#bytes > this.#settings.buffer && this.#kept.size > 1) this.#shrink();
  }

  #shrink(): void {
    this.#upTo = this.#from + Math.max(1, Math.floor((this.#upTo - this.#from) / 2));
    for (const [id, { entry, high }] of this.#kept) {
      if (high < this.#upTo) continue;
      this.#bytes -= sizeOf(entry) + KEPT_BYTES;
      this.#kept.delete(id);
    }
  }

  #look(entry: Entry): Promise<void> | void {
    this.#origins.see(entry.db);
    const { db, key } = this.#targetOf(entry.db, entry.key);
    this.#hash.of(db, key);
    if (this.#hash.high < this.#from || this.#hash.high >= this.#upTo) return;
    const kept = this.#kept.get(idOf({ db, key }));
    if (kept !== undefined) kept.isMet = true;
    if (!this.#isOfType(entry)) return;
    if (kept === undefined) return this.findings.onResult(entry, 'walkedOnly');
    try {
      const what = this.#comparison.differenceOf(entry, kept.entry);
      if (what instanceof Promise) return this.#wait(entry, what);
      this.findings.onResult(entry, ...resultOf(what, 'source'));
    } catch (error) {
      this.#refuse(entry, error);
    }
  }

  async #wait(entry: Entry, comparing: Promise<Comparing>): Promise<void> {
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

  #targetOf(db: number, key: Buffer): { db: number; key: Buffer } {
    return { db: this.#plan.targetDbOf(db), key: this.#settings.names.targetNameOf(key) };
  }

  #isOfType({ payload, large }: Entry): boolean {
    const { type } = this.#settings.scope;
    if (type === undefined) return true;
    if (large !== null) return large.type === type;
    return payload === null || typeOf(payload) === type;
  }
}
