// Databases of the source that get their first key while it is followed, where all of them are in scope.

import { RespError } from '../../resp/errors.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { askInfo } from '../server/info.ts';
import type { Server } from '../server/server.ts';
import type { NameWalkOptions } from './name-walk.ts';
import { takeDownNames, type OwnNames } from './own-names.ts';

export interface NewDatabasesOptions {
  /** Those that are followed from the beginning, of the source. */
  readonly databases: readonly number[];
  readonly ownNames: OwnNames;
  /** Of more names than these none is kept. */
  readonly namesLimit: number;
  /** How the names are walked that the target has where this one goes; `undefined` where another one goes there already. */
  readonly walkFor: (db: number) => NameWalkOptions | undefined;
}

export interface NewDatabasesSink {
  /** There is one more, of which nothing was read yet. */
  onFound(db: number): void;
  /** One cannot be followed. */
  onFailed(error: RespError): void;
}

export class NewDatabases {
  readonly #target: Deployment;
  readonly #options: NewDatabasesOptions;
  readonly #sink: NewDatabasesSink;
  readonly #seen: Set<number>;
  #looking: Promise<unknown> = Promise.resolve();

  constructor(target: Deployment, options: NewDatabasesOptions, sink: NewDatabasesSink) {
    this.#target = target;
    this.#options = options;
    this.#sink = sink;
    this.#seen = new Set(options.databases);
  }

  /**
   * Every database that has keys when it is called was told when it returns, whoever has found it.
   * @param servers of the source, as far as they are connected
   * @returns whether each of them would say which databases it has
   */
  look(servers: readonly (Server | undefined)[]): Promise<boolean> {
    const looking = this.#looking.then(() => this.#look(servers));
    this.#looking = looking.catch(() => {});
    return looking;
  }

  async #look(servers: readonly (Server | undefined)[]): Promise<boolean> {
    const infos = await Promise.all(
      servers.map(async (server) => {
        if (server === undefined || server.connection.error !== undefined) return undefined;
        return askInfo(server.connection).catch(() => undefined);
      }),
    );
    for (const info of infos)
      for (const { db } of info?.keyspace ?? []) if (!this.#seen.has(db)) await this.#follow(db);
    return !infos.includes(undefined);
  }

  /** What the target has there is its own, as nothing was written there. */
  async #follow(db: number): Promise<void> {
    this.#seen.add(db);
    const { ownNames, namesLimit, walkFor } = this.#options;
    const walk = walkFor(db);
    try {
      if (walk !== undefined && ownNames.isComplete) {
        const { isComplete } = await takeDownNames(this.#target, walk, namesLimit, ownNames);
        if (!isComplete) throw tooManyNames(db);
      }
      this.#sink.onFound(db);
    } catch (error) {
      if (!(error instanceof RespError)) throw error;
      const { code, message, peer, hint } = error;
      const what = `Cannot follow database ${db} of the source, which got its first keys after the start: ${message}`;
      this.#sink.onFailed(new RespError(code, what, { peer, hint, cause: error }));
    }
  }
}

function tooManyNames(db: number): RespError {
  return new RespError('TOO_MANY_NAMES', `the target has too many names of its own where database ${db} goes`);
}
