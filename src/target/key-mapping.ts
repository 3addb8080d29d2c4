// Which key of the target belongs to which of the source: there and back through databases and prefixes.

import type { KeyId } from '../flow/key-id.ts';
import { KeyScope } from '../scan/key-scope.ts';
import type { KeyNames } from './key-names.ts';

export interface MappedDatabases {
  /** Source databases with those of the target. */
  readonly databases: readonly (readonly [source: number, target: number])[];
  readonly targetDbOf: (db: number) => number;
  /** Whether two of the source may become one. */
  readonly merges: boolean;
}

export interface MappedNames {
  readonly names: KeyNames;
  readonly scope: KeyScope;
}

export class KeyMapping {
  readonly #plan: MappedDatabases;
  readonly #settings: MappedNames;
  /** Databases of the source; those of a file are known only as they are seen. */
  readonly #dbs: Set<number>;
  readonly #dbsByTarget = new Map<number, readonly number[]>();

  constructor(plan: MappedDatabases, settings: MappedNames) {
    this.#plan = plan;
    this.#settings = settings;
    this.#dbs = new Set(plan.databases.map(([db]) => db));
  }

  /** Whether every key of the target has one at the source, with the same name. */
  get isPlain(): boolean {
    return !this.#settings.names.changes && !this.#plan.merges;
  }

  /** What is to be scanned at the target: what `sourcesOf` may know a key for, and little else. */
  get targetScope(): KeyScope {
    const { names, scope } = this.#settings;
    return names.changes ? new KeyScope({ type: scope.type }) : scope;
  }

  /** A database that was found in the source. */
  addDb(db: number): void {
    if (this.#dbs.has(db)) return;
    this.#dbs.add(db);
    this.#dbsByTarget.clear();
  }

  /** Databases of the source. */
  get sourceDbs(): readonly number[] {
    return [...this.#dbs];
  }

  /** Databases that the keys of the source are in at the target. */
  get targetDbs(): readonly number[] {
    return [...new Set([...this.#dbs].map((db) => this.#plan.targetDbOf(db)))];
  }

  /** The first database of the source that goes into this one. */
  sourceDbOf(targetDb: number): number {
    return this.#dbsOf(targetDb)[0] ?? targetDb;
  }

  targetOf(db: number, key: Buffer): KeyId {
    return { db: this.#plan.targetDbOf(db), key: this.#settings.names.targetNameOf(key) };
  }

  /** Keys in scope that would be this one at the target; none where no copy would have made it. */
  sourcesOf(targetDb: number, name: Buffer): KeyId[] {
    const { names, scope } = this.#settings;
    const keys = names.originsOf(name).filter((key) => scope.includes(key));
    return this.#dbsOf(targetDb).flatMap((db) => keys.map((key) => ({ db, key })));
  }

  #dbsOf(targetDb: number): readonly number[] {
    let dbs = this.#dbsByTarget.get(targetDb);
    if (dbs === undefined) this.#dbsByTarget.set(targetDb, (dbs = this.#find(targetDb)));
    return dbs;
  }

  #find(targetDb: number): number[] {
    const dbs = [...this.#dbs].filter((db) => this.#plan.targetDbOf(db) === targetDb);
    // A file that was not read as yet, or that has none of it.
    if (dbs.length === 0 && this.#plan.targetDbOf(targetDb) === targetDb) return [targetDb];
    return dbs;
  }
}
