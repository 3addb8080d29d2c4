// What all connections of one memory server share: its databases, and what it says of itself.
import { randomBytes } from 'node:crypto';
import { Database } from './keyspace/database.ts';
import { createKeyTable, type KeyTableOptions } from './keyspace/key-table.ts';

export interface ServerStateOptions extends KeyTableOptions {
  readonly password?: string;
  readonly version?: string;
  readonly repeats?: boolean;
  readonly unknown?: readonly string[];
  readonly oneDatabase?: boolean;
  readonly hangsUpOn?: readonly string[];
}

const DATABASES = 16;

export class ServerState {
  readonly password: string | undefined;
  readonly version: string;
  readonly repeats: boolean;
  readonly unknown: ReadonlySet<string>;
  readonly oneDatabase: boolean;
  readonly hangsUpOn: ReadonlySet<string>;
  readonly runId = randomBytes(20).toString('hex');
  readonly startedAt = Date.now();
  readonly databases: readonly Database[];
  port = 0;
  #clients = 0;

  constructor(options: ServerStateOptions) {
    this.password = options.password;
    this.version = options.version ?? '7.0.15';
    this.repeats = options.repeats ?? false;
    this.unknown = new Set(options.unknown);
    this.oneDatabase = options.oneDatabase ?? false;
    this.hangsUpOn = new Set(options.hangsUpOn);
    this.databases = Array.from({ length: DATABASES }, () => new Database(() => createKeyTable(options)));
  }

  nextClientId(): number {
    this.#clients += 1;
    return this.#clients;
  }
}
