// Which side is walked and which one is asked, and what goes from the one to the other: of a server and a file the file is
// walked, as it cannot be asked.

import type { Deployment } from '../cluster/deployment.ts';
import type { NodeLinkOptions } from '../cluster/node-link.ts';
import type { Entry } from '../flow/entry.ts';
import { typeOf } from '../rdb/type-byte.ts';
import { KeyScope } from '../scan/key-scope.ts';
import type { Role } from '../server/server.ts';
import type { ValueOptions } from '../source/large-values.ts';
import type { Source } from '../source/source.ts';
import { sourceOf } from '../sync/ends.ts';
import type { Plan } from '../sync/plan.ts';
import { keysIn, type DatabasePairs } from '../sync/preflight.ts';
import type { Settings } from '../sync/settings.ts';
import type { Sides } from '../sync/sides.ts';
import type { Target } from '../target/target.ts';
import { TOLD_BEFORE, type CheckProgress } from './check-progress.ts';
import type { CheckSettings } from './check-settings.ts';
import { Comparison } from './comparison.ts';
import { Drain } from './drain.ts';
import { Findings } from './findings.ts';
import { CompareWalk, type CompareWalkOptions } from './compare-walk.ts';
import { NameHash } from './name-hash.ts';
import { HASH_RANGE, NameSet } from './name-set.ts';
import { Origins } from './origins.ts';
import { KeyRecheck, FileRecheck } from './recheck.ts';
import { demandRereadable, isRereadable } from './single-pass.ts';
import type { Place } from './asked-keys.ts';

const NO_SERVERS: Sides = { source: undefined, target: undefined };

export class ComparePlan {
  readonly findings: Findings;
  readonly #sides: Sides;
  readonly #plan: Plan;
  readonly #settings: CheckSettings;
  readonly #progress: CheckProgress;
  readonly #walkedRole: Role;
  readonly #origins: Origins;
  readonly #comparison: Comparison;
  readonly #hash = new NameHash();
  /** The names of the file that was walked. */
  #names: NameSet | undefined;
  #isWalked = false;

  constructor(sides: Sides, plan: Plan, settings: CheckSettings, progress: CheckProgress) {
    this.#sides = sides;
    this.#plan = plan;
    this.#settings = settings;
    this.#progress = progress;
    this.#walkedRole = sides.target === undefined ? 'target' : 'source';
    this.#origins = new Origins(plan, settings);
    const files = { source: sides.source === undefined, target: sides.target === undefined };
    this.#comparison = new Comparison(plan, files, settings.ttlTolerance, settings.bigKey);
    const { tellMatches, oneWay } = settings;
    const clock = this.#walksSource ? plan.clock : Date.now;
    const otherOf = (db: number, key: Buffer): Place => this.#otherOf(db, key);
    this.findings = new Findings({ walkedRole: this.#walkedRole, clock, otherOf, tellMatches, oneWay }, progress);
  }

  get areServers(): boolean {
    return this.#sides.source !== undefined && this.#sides.target !== undefined;
  }

  /** Whether keys that only the side has which is not walked are any difference. */
  get seeksOthers(): boolean {
    return !(this.#walksSource && this.#settings.oneWay);
  }

  /** Stdin is not there any more. */
  get canLookAgain(): boolean {
    return this.areServers || isRereadable(this.#walkedEnd);
  }

  /** The side that is walked, with its values. */
  walk(): Source {
    const settings = { ...this.#settings, from: this.#walkedEnd, preserveIdle: false };
    if (this.areServers)
      return sourceOf(this.#sides, this.#plan, settings, this.#progress, { bigKey: settings.bigKey });
    if (this.#walksSource)
      return this.#file(this.#plan.databases, this.#plan.fields, { ...settings, scope: settings.scope.ofAnyType });
    return this.#file(this.#targetDatabases, this.#plan.targetFields, { ...settings, scope: new KeyScope({}) });
  }

  /** Compares what is walked with what the other side has. */
  march(): Target {
    if (this.seeksOthers && !this.areServers) this.#names = new NameSet(this.#hash, 0);
    if (this.areServers && this.#settings.written === undefined) return this.#walk();
    return this.#walk((entry) => {
      if (this.areServers) return this.#isOurs(entry);
      this.#collect(entry);
      return this.#isOfType(entry) && this.#isOurs(entry);
    });
  }

  /** The other side, by name only. */
  otherNames(): Source {
    const { scope } = this.#settings;
    const [source, databases] = this.#walksSource
      ? [this.#sides.target, this.#targetDatabases]
      : [this.#sides.source, this.#plan.databases];
    const isSameName = !this.#walksSource || !this.#settings.names.changes;
    const settings = { ...this.#settings, scope: isSameName ? scope : new KeyScope({ type: scope.type }) };
    const keys = databases.reduce((sum, [db]) => sum + keysIn(source!, db), 0);
    return sourceOf(
      { source, target: undefined },
      { databases, keys, mode: 'dropped', fields: undefined },
      settings,
      this.#progress,
      {
        namesOnly: true,
      },
    );
  }

  /** Asks the walked side, which is a server, for the names of the other one. */
  seeker(): Target {
    const { isPlain } = this.#origins;
    const options: CompareWalkOptions = {
      ...this.#common,
      otherDbOf: (db) => this.#origins.dbOf(db),
      otherNameOf: (name) => name,
      placesOf: isPlain ? undefined : (db, name) => this.#origins.of(db, name),
      isForNames: true,
      compare: () => undefined,
      walkedRole: 'target',
    };
    return new CompareWalk(this.#sides.source!, options, {
      onResult: ({ db, key }, result) => {
        if (result === 'gone') this.#doubtOther({ db, key });
      },
      onRefused: (db, key, error) => this.#progress.onReadRefused(db, key, error),
    });
  }

  /** Whether every name of the walked file was held against those of the other side. */
  get isNamesDone(): boolean {
    return this.#names === undefined || this.#names.upTo >= HASH_RANGE;
  }

  /** Names of the other side that are not among those that were collected. */
  stranger(): Target {
    const names = this.#names!;
    return new Drain(({ db, key }) => {
      if (names.covers(db, key) && !names.has(db, key)) this.#doubtOther({ db, key });
    });
  }

  /** The walked file once more, for the names that there was no room for. */
  collectMore(): { source: Source; target: Target } {
    demandRereadable(this.#walkedEnd);
    this.#names = new NameSet(this.#hash, this.#names!.upTo);
    return { source: this.walk(), target: new Drain((entry) => this.#collect(entry)) };
  }

  /** What is in doubt, read again on both sides. */
  secondLook(): { source: Source; target: Target } {
    const { doubts } = this.findings;
    if (this.areServers) {
      const { dump, retry, onReconnect } = this.#common;
      const source = new KeyRecheck(this.#sides.source!, doubts, { dump, retry, onReconnect }, this.findings);
      return { source, target: this.#walk() };
    }
    const source = new FileRecheck(this.walk(), doubts);
    return { source, target: this.#walk((entry) => source.meets(entry)) };
  }

  get #walksSource(): boolean {
    return this.#walkedRole === 'source';
  }

  get #walkedEnd(): Settings['from'] {
    return this.#walksSource ? this.#settings.from : this.#settings.to;
  }

  get #targetDatabases(): DatabasePairs {
    return this.#origins.targetDbs.map((db) => [db, db]);
  }

  get #common(): NodeLinkOptions & { readonly dump: ValueOptions } {
    const onReconnect = this.#progress.onReconnect.bind(this.#progress);
    return {
      retry: this.#settings.retry,
      onReconnect,
      dump: this.#dumpOf('source'),
    };
  }

  #dumpOf(role: Role): ValueOptions {
    const { mode, fields, targetFields } = this.#plan;
    const { bigKey, bySize, maxLatency } = this.#settings;
    const ofRole = role === 'source' ? fields : targetFields;
    return { mode, fields: ofRole, usage: undefined, bigKey, bySize, maxLatency };
  }

  #file(databases: DatabasePairs, fields: Plan['fields'], settings: Settings): Source {
    const sink = this.#isWalked ? TOLD_BEFORE : this.#progress;
    this.#isWalked = true;
    return sourceOf(NO_SERVERS, { databases, keys: 0, mode: this.#plan.mode, fields }, settings, sink, {
      bigKey: settings.bigKey,
    });
  }

  #walk(wanted?: (entry: Entry) => boolean): CompareWalk {
    const other: Deployment = this.#walksSource ? this.#sides.target! : this.#sides.source!;
    const { names } = this.#settings;
    const compare: CompareWalkOptions['compare'] = (walked, found) =>
      this.#walksSource ? this.#comparison.differenceOf(walked, found) : this.#comparison.differenceOf(found, walked);
    const options: CompareWalkOptions = {
      ...this.#common,
      dump: this.#dumpOf(this.#walksSource ? 'target' : 'source'),
      otherDbOf: this.#plan.targetDbOf,
      otherNameOf: (key) => names.targetNameOf(key),
      placesOf: this.#walksSource ? undefined : (db, name) => this.#origins.of(db, name),
      wanted,
      compare,
      walkedRole: this.#walkedRole,
    };
    return new CompareWalk(other, options, this.findings);
  }

  #otherOf(db: number, key: Buffer): Place {
    if (this.#walksSource) return { db: this.#plan.targetDbOf(db), key: this.#settings.names.targetNameOf(key) };
    return this.#origins.of(db, key)[0] ?? { db: this.#origins.dbOf(db), key };
  }

  /** Names of the file are kept as the other side has them. */
  #collect({ db, key }: Entry): void {
    if (this.#walksSource) this.#origins.see(db);
    if (this.#names === undefined) return;
    if (this.#walksSource) {
      this.#names.add(this.#plan.targetDbOf(db), this.#settings.names.targetNameOf(key));
    } else {
      for (const place of this.#origins.of(db, key)) this.#names.add(place.db, place.key);
    }
  }

  /** Of a server the server itself has seen to it. */
  #isOfType({ payload, large }: Entry): boolean {
    const { type } = this.#settings.scope;
    if (type === undefined) return true;
    if (large !== null) return large.type === type;
    return payload === null || typeOf(payload) === type;
  }

  /** Keys that a copy has left alone are not looked at. */
  #isOurs({ db, key }: Entry): boolean {
    const { written, names } = this.#settings;
    return written === undefined || written.originOf(this.#plan.targetDbOf(db), names.targetNameOf(key)) !== 'foreign';
  }

  #doubtOther(other: Place): void {
    if (this.#walksSource) {
      const walked = this.#origins.of(other.db, other.key);
      if (walked.length > 0) this.findings.onOtherOnly(walked, other);
    } else {
      const { names } = this.#settings;
      this.findings.onOtherOnly([{ db: this.#plan.targetDbOf(other.db), key: names.targetNameOf(other.key) }], other);
    }
  }
}
