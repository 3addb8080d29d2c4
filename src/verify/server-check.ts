// The check where at least one side is a server: that one is asked for the keys of the other, which is walked. A file cannot
// be asked, so of a server and a file the file is walked.

import type { Deployment } from '../cluster/deployment.ts';
import type { NodeLinkOptions } from '../cluster/node-link.ts';
import type { Entry } from '../flow/entry.ts';
import type { KeyId } from '../flow/key-id.ts';
import { NameHash } from '../flow/name-table.ts';
import type { Role } from '../server/server.ts';
import type { ValueOptions } from '../source/large-values.ts';
import { NamedKeys } from '../source/named-keys.ts';
import type { Source } from '../source/source.ts';
import { sourceOf } from '../sync/flow.ts';
import type { Run } from '../sync/preflight.ts';
import { keysIn, type DatabasePairs } from '../sync/sides.ts';
import { KeyMapping } from '../target/key-mapping.ts';
import { eachEntry, type Target } from '../target/target.ts';
import { AskedSide, type AskedSideOptions } from './asked-side.ts';
import { Findings, type CheckProgress } from './findings.ts';
import type { CheckSettings } from './options.ts';
import { Comparison } from './comparison.ts';
import { FileSide, isOfType, type Pass, type Passes } from './pass.ts';
import { HASH_RANGE, NameSet } from './name-set.ts';
import { FileRecheck } from './recheck.ts';

/** How much of the check is done once one side was walked with its values. */
const WALKED = 0.8;
/** Once the names of a file were collected that there was no room for. */
const COLLECTED = 0.9;

export class ServerCheck implements Passes {
  readonly findings: Findings;
  readonly #run: Run<CheckSettings>;
  readonly #progress: CheckProgress;
  readonly #walkedRole: Role;
  readonly #asked: Deployment;
  /** The walked side, where it is one. */
  readonly #file: FileSide | undefined;
  readonly #mapping: KeyMapping;
  readonly #comparison: Comparison;

  constructor(run: Run<CheckSettings>, progress: CheckProgress) {
    const { sides, plan, settings } = run;
    const { tellMatches, oneWay, ttlTolerance, bigKey } = settings;
    this.#run = run;
    this.#progress = progress;
    this.#walkedRole = sides.target === undefined ? 'target' : 'source';
    this.#asked = sides.target ?? sides.source!;
    const files = { source: sides.source === undefined, target: sides.target === undefined };
    this.#file = files.source || files.target ? new FileSide(this.#walkedRole, run, progress) : undefined;
    this.#mapping = new KeyMapping(plan, settings);
    this.#comparison = new Comparison(plan, files, ttlTolerance, bigKey);
    const clock = this.#walksSource ? plan.clock : Date.now;
    const askedOf = (db: number, key: Buffer): KeyId => this.#askedOf(db, key);
    this.findings = new Findings({ walkedRole: this.#walkedRole, clock, askedOf, tellMatches, oneWay }, progress);
  }

  passes(): Iterable<Pass> {
    return this.#file === undefined ? this.#serverPasses() : this.#filePasses(this.#file);
  }

  *rechecks(): Iterable<Pass> {
    const { queue } = this.findings;
    if (this.#file?.isRereadable === false) return;
    for (;;) {
      const recheck = this.#file && new FileRecheck(this.#walk(), queue);
      const source =
        recheck ?? new NamedKeys(this.#run.sides.source!, queue.places(), this.#readOptions('source'), this.findings);
      yield { source, target: this.#compare(recheck && ((entry) => recheck.isQueued(entry))), share: [1, 1] };
    }
  }

  /** Names that only the target has are asked for at the source. */
  *#serverPasses(): Iterable<Pass> {
    const { written } = this.#run.settings;
    const wanted = written && ((entry: Entry) => this.#isWritten(entry));
    yield {
      source: this.#walk(),
      target: this.#compare(wanted),
      share: [0, this.#looksBothWays ? WALKED : 1],
      isFirst: true,
    };
    if (this.#looksBothWays) yield { source: this.#askedNames(), target: this.#askSource(), share: [WALKED, 1] };
  }

  /** Names that only the server has are looked for among those of the file, as many at a time as there is room for. */
  *#filePasses(file: FileSide): Iterable<Pass> {
    let names = this.#looksBothWays ? new NameSet(new NameHash(), 0) : undefined;
    const collected = names;
    const wanted = (entry: Entry): boolean => {
      this.#collect(entry, collected);
      return isOfType(entry, this.#run.settings.scope) && this.#isWritten(entry);
    };
    yield {
      source: this.#walk(),
      target: this.#compare(wanted),
      share: [0, names === undefined ? 1 : WALKED],
      isFirst: true,
    };
    if (names === undefined) return;
    yield { source: this.#askedNames(), target: this.#lookAmong(names), share: [WALKED, 1] };
    while (names.upTo < HASH_RANGE) {
      file.demandRereadable();
      const next: NameSet = (names = names.next());
      yield {
        source: this.#walk(),
        target: eachEntry((entry) => this.#collect(entry, next)),
        share: [WALKED, COLLECTED],
      };
      yield { source: this.#askedNames(), target: this.#lookAmong(next), share: [COLLECTED, 1] };
    }
  }

  get #walksSource(): boolean {
    return this.#walkedRole === 'source';
  }

  /** Whether keys that only the asked side has are any difference. */
  get #looksBothWays(): boolean {
    return !(this.#walksSource && this.#run.settings.oneWay);
  }

  get #targetDatabases(): DatabasePairs {
    return this.#mapping.targetDbs.map((db) => [db, db]);
  }

  /** The walked side, with its values. */
  #walk(): Source {
    const { sides, plan, settings } = this.#run;
    if (this.#file !== undefined) return this.#file.read(this.#walksSource ? plan.databases : this.#targetDatabases);
    const reading = { plan, settings: { ...settings, preserveIdle: false } };
    return sourceOf(sides.source, reading, this.#progress, { tellsEmpty: true });
  }

  /** The asked side, by name only. */
  #askedNames(): Source {
    const { plan, settings } = this.#run;
    const databases = this.#walksSource ? this.#targetDatabases : plan.databases;
    const scope = this.#walksSource ? this.#mapping.targetScope : settings.scope;
    const keys = databases.reduce((sum, [db]) => sum + keysIn(this.#asked, db), 0);
    return sourceOf(
      this.#asked,
      { plan: { databases, keys, mode: 'dropped', fields: undefined }, settings: { ...settings, scope } },
      this.#progress,
      { namesOnly: true },
    );
  }

  /** Compares what is walked with what the asked side has. */
  #compare(wanted?: (entry: Entry) => boolean): Target {
    const { plan, settings } = this.#run;
    const compare: AskedSideOptions['compare'] = (walked, asked) =>
      this.#walksSource ? this.#comparison.differenceOf(walked, asked) : this.#comparison.differenceOf(asked, walked);
    const options: AskedSideOptions = {
      ...this.#readOptions(this.#walksSource ? 'target' : 'source'),
      askedDbOf: plan.targetDbOf,
      askedNameOf: (key) => settings.names.targetNameOf(key),
      askedKeysOf: this.#walksSource ? undefined : (db, name) => this.#mapping.sourcesOf(db, name),
      wanted,
      renames: settings.names.changes,
      isSame: (walked, asked) =>
        this.#walksSource ? this.#comparison.isSame(walked, asked) : this.#comparison.isSame(asked, walked),
      compare,
      walkedRole: this.#walkedRole,
    };
    return new AskedSide(this.#asked, options, this.findings);
  }

  /** Looks for names of the target at the source. */
  #askSource(): Target {
    const mapping = this.#mapping;
    const options: AskedSideOptions = {
      ...this.#readOptions('source'),
      askedDbOf: (db) => mapping.sourceDbOf(db),
      askedNameOf: (name) => name,
      askedKeysOf: mapping.isPlain ? undefined : (db, name) => mapping.sourcesOf(db, name),
      byName: true,
      renames: false,
      isSame: () => true,
      compare: () => undefined,
      walkedRole: 'target',
    };
    return new AskedSide(this.#run.sides.source!, options, {
      onMatch: () => {},
      onResult: ({ db, key }, result) => {
        if (result === 'gone') this.#onAskedOnly({ db, key });
      },
      onRefused: (db, key, error) => this.#progress.onReadRefused(db, key, error),
      onNotice: (notice) => this.#progress.onNotice(notice),
    });
  }

  /** Looks for names of the server among those of the file. */
  #lookAmong(names: NameSet): Target {
    return eachEntry(({ db, key }) => {
      if (names.covers(db, key) && !names.has(db, key)) this.#onAskedOnly({ db, key });
    });
  }

  #readOptions(role: Role): NodeLinkOptions & { readonly dump: ValueOptions } {
    const { mode, fields, targetFields } = this.#run.plan;
    const { retry, bigKey, bySize, controls } = this.#run.settings;
    const fieldsOf = role === 'source' ? fields : targetFields;
    return {
      retry,
      onReconnect: this.#progress.onReconnect.bind(this.#progress),
      dump: { mode, fields: fieldsOf, usage: undefined, bigKey, bySize, maxLatency: controls.maxLatency },
    };
  }

  #askedOf(db: number, key: Buffer): KeyId {
    if (this.#walksSource) return this.#mapping.targetOf(db, key);
    return this.#mapping.sourcesOf(db, key)[0] ?? { db: this.#mapping.sourceDbOf(db), key };
  }

  /** Names of the file are kept as the server has them. */
  #collect({ db, key }: Entry, names: NameSet | undefined): void {
    const { plan, settings } = this.#run;
    if (this.#walksSource) {
      this.#mapping.addDb(db);
      names?.add(plan.targetDbOf(db), settings.names.targetNameOf(key));
    } else if (names !== undefined) {
      for (const source of this.#mapping.sourcesOf(db, key)) names.add(source.db, source.key);
    }
  }

  /** Keys that a copy has left alone are not compared. */
  #isWritten({ db, key }: Entry): boolean {
    const { plan, settings } = this.#run;
    const { written, names } = settings;
    return written === undefined || written.originOf(plan.targetDbOf(db), names.targetNameOf(key)) !== 'foreign';
  }

  #onAskedOnly(asked: KeyId): void {
    const { db, key } = asked;
    const walked = this.#walksSource ? this.#mapping.sourcesOf(db, key) : [this.#mapping.targetOf(db, key)];
    if (walked.length > 0) this.findings.onAskedOnly(walked, asked);
  }
}
