// What a copy is asked for and what it tells: the words shared by the library door and the command line.

/** What happens to a key that the target already has. */
export type ConflictPolicy = 'replace' | 'skip' | 'fail';

export interface MigrateOptions {
  /** The source endpoint, as on the command line: `redis://[[user]:password@]host[:port][/db]`. */
  readonly from: string;
  /** The target endpoint. */
  readonly to: string;
  /** Passwords that stay out of the URLs; they win over the ones in there. */
  readonly fromPassword?: string | undefined;
  readonly toPassword?: string | undefined;
  /** Source database; the one of the `from` URL otherwise. */
  readonly db?: number | undefined;
  /** Default `replace`. */
  readonly onConflict?: ConflictPolicy | undefined;
  /** `true` drops expiries. Default `false`. */
  readonly noTtl?: boolean | undefined;
  /** SCAN COUNT; chosen by rump otherwise. */
  readonly count?: number | undefined;
  /** Bytes held between reader and writer. Default 64 MiB. */
  readonly buffer?: number | undefined;
  /** Milliseconds without progress that count as a failure. Default 60,000. */
  readonly timeout?: number | undefined;
  /** Stop at the first key that fails. Default `false`. */
  readonly failFast?: boolean | undefined;
  /** Aborting stops the copy cleanly; `migrate` then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called synchronously; it must be quick and must not throw. */
  readonly onEvent?: ((event: MigrateEvent) => void) | undefined;
}

/** Counts of acknowledged replies, never of intentions. */
export interface Figures {
  /** Keys that the target acknowledged. */
  readonly keys: number;
  /** Bytes of keys and DUMP payloads in those. */
  readonly bytes: number;
  /** Keys that the target already had, under `skip`. */
  readonly skipped: number;
  /** Keys that were deleted or expired on the way. */
  readonly expired: number;
  /** Keys that could not be copied. */
  readonly failed: number;
  /** Milliseconds since the start. */
  readonly elapsed: number;
}

export type MigrateEvent =
  | StartEvent
  | ({ readonly type: 'progress'; /** Done so far, 0 to 1. */ readonly fraction: number } & Figures)
  /** The target acknowledged one more batch of keys. */
  | { readonly type: 'batch'; readonly keys: number }
  | { readonly type: 'warning'; readonly code: string; readonly message: string }
  | KeyFailedEvent
  | ({ readonly type: 'done' } & Figures);

export interface StartEvent {
  readonly type: 'start';
  /** Endpoints without their passwords. */
  readonly from: string;
  readonly to: string;
  /** `name version`, such as `valkey 8.1.4`. */
  readonly source: string;
  readonly target: string;
  readonly sourceDb: number;
  readonly targetDb: number;
  /** DBSIZE of the source. */
  readonly keys: number;
  /** `exact` carries milliseconds since 1970, `relative` what is left of each. */
  readonly expiry: 'exact' | 'relative' | 'dropped';
}

export interface KeyFailedEvent {
  readonly type: 'key-failed';
  readonly db: number;
  readonly key: Buffer;
  /** First word of the error reply: `BUSYKEY`, `NOPERM`, `ERR`. */
  readonly code: string;
  readonly reason: string;
}

/** What `migrate` resolves with once the whole source was read; `failed` may be above 0. */
export type MigrateResult = Figures;
