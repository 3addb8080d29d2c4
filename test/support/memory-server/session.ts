// What the server knows of one client: its name, its database, and whether it has given the password.
import type { Database } from './keyspace/database.ts';
import type { ServerState } from './server-state.ts';

export class Session {
  readonly server: ServerState;
  readonly id: number;
  name = '';
  authenticated: boolean;
  #database: Database;

  constructor(server: ServerState) {
    this.server = server;
    this.id = server.nextClientId();
    this.authenticated = server.password === undefined;
    this.#database = server.databases[0]!;
  }

  get database(): Database {
    return this.#database;
  }

  /** Returns whether there is such a database. */
  select(index: number): boolean {
    const database = this.server.databases[this.server.oneDatabase ? 0 : index];
    if (database !== undefined) this.#database = database;
    return database !== undefined;
  }
}
