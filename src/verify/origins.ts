// Which keys of the source may be behind a key of the target: the way back through databases and prefixes.

import type { Plan } from '../sync/plan.ts';
import type { Settings } from '../sync/settings.ts';
import type { Place } from './asked-keys.ts';

export class Origins {
  readonly #plan: Plan;
  readonly #settings: Settings;
  /** Databases of the source; those of a file are known only as they are seen. */
  readonly #dbs: Set<number>;
  readonly #dbsByTarget = new Map<number, readonly number[]>();

  constructor(plan: Plan, settings: Settings) {
    this.#plan = plan;
    this.#settings = settings;
    this.#dbs = new Set(plan.databases.map(([db]) => db));
  }

  /** Whether every key of the target has one origin, with the same name. */
  get isPlain(): boolean {
    return !this.#settings.names.changes && !this.#plan.merges;
  }

  /** A database that the source has. */
  see(db: number): void {
    if (this.#dbs.has(db)) return;
    this.#dbs.add(db);
    this.#dbsByTarget.clear();
  }

  /** Databases that the keys of the source are in at the target. */
  get targetDbs(): readonly number[] {
    return [...new Set([...this.#dbs].map((db) => this.#plan.targetDbOf(db)))];
  }

  /** The first database of the source that goes into this one. */
  dbOf(targetDb: number): number {
    return this.#dbsOf(targetDb)[0] ?? targetDb;
  }

  /** Places in scope; none where the key is not of our making. */
  of(targetDb: number, name: Buffer): Place[] {
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
