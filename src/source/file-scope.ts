// Which keys of a file are copied, and what of them beside their values.

import type { Entry } from '../flow/entry.ts';
import type { ExpiryMode } from '../flow/expiry.ts';
import type { FieldExpiries } from '../keys/expiries.ts';
import { NEVER } from '../rdb/milliseconds.ts';

export interface FileScopeOptions {
  /** The databases whose keys are in scope. */
  readonly databases: ReadonlySet<number> | 'all';
  /** Whether a key of these databases is, by its name. */
  readonly includes: (key: Buffer) => boolean;
  /** Whether `includes` says so of every name: then it need not be asked. */
  readonly hasAllNames?: boolean;
  /** The type that a key in scope has; without it any. */
  readonly type?: string | undefined;
  /** `exact`: `expireAt` is as the file has it; `dropped`: nothing expires. */
  readonly mode: Exclude<ExpiryMode, 'relative'>;
  /** What becomes of the expiries of fields; without it they stay as they are. */
  readonly fields?: FieldExpiries | undefined;
  /** Whether idle times and frequencies are carried. */
  readonly preserveIdle: boolean;
}

export class FileScope {
  readonly type: string | undefined;
  /** What is wanted this time, of all that is in scope; without it everything. */
  wanted: ((key: Buffer) => boolean) | undefined;
  /** Whether nobody has to look at a key, or at its value. */
  readonly #takesAll: boolean;
  readonly #options: FileScopeOptions;
  readonly #leftOut = new Set<number>();

  constructor(options: FileScopeOptions) {
    this.type = options.type;
    this.#options = options;
    const { hasAllNames, type, fields } = options;
    this.#takesAll = hasAllNames === true && type === undefined && fields === undefined;
  }

  /** Whether all keys of the database are in scope, with their values as they are. */
  takesAll(db: number): boolean {
    const { databases } = this.#options;
    return this.#takesAll && this.wanted === undefined && (databases === 'all' || databases.has(db));
  }

  /** Whether a key is in scope, whatever its type. */
  includes(db: number, key: Buffer): boolean {
    const { databases, includes } = this.#options;
    if (databases === 'all' || databases.has(db)) return includes(key) && this.wanted?.(key) !== false;
    this.#leftOut.add(db);
    return false;
  }

  /** Databases that hold keys, and that nobody asked for, of those seen so far. */
  get leftOutDatabases(): readonly number[] {
    return [...this.#leftOut].toSorted((a, b) => a - b);
  }

  /**
   * Does to the value what is to be done to it. False where nothing is left of it.
   * @throws PayloadError
   */
  carry(entry: Entry): boolean {
    const { fields } = this.#options;
    if (fields === undefined) return true;
    if (entry.large !== null) entry.large = fields.large(entry.large);
    if (entry.payload === null) return true;
    entry.payload = fields.payload(entry.payload);
    return entry.payload !== null;
  }

  /** Takes from the entry what is not to be carried. False for a key that is no more, and would come back for good. */
  strip(entry: Pick<Entry, 'idle' | 'frequency' | 'expireAt'>): boolean {
    const { mode, preserveIdle } = this.#options;
    if (!preserveIdle) {
      entry.idle = -1;
      entry.frequency = -1;
    }
    if (mode === 'exact' || entry.expireAt === NEVER) return true;
    const isGone = entry.expireAt <= Date.now();
    entry.expireAt = NEVER;
    return !isGone;
  }
}
