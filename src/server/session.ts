// One connection at work for several loops: each sleeps until something has moved on it, and hears when it has failed.

import type { Connection } from '../../resp/connection.ts';
import { ReplyError, type Peer } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import { Wakeup } from '../flow/wakeup.ts';
import { refusalOf, scopeOf } from './refusal.ts';
import { Selection } from './selection.ts';
import type { Server } from './server.ts';

export class Session {
  readonly server: Server;
  readonly connection: Connection;
  readonly selection: Selection;
  readonly #wakeup = new Wakeup();

  constructor(server: Server) {
    this.server = server;
    this.connection = server.connection;
    this.selection = new Selection(server.connection, server.db);
    this.connection.onProgress = () => this.#wakeup.wake();
  }

  get peer(): Peer {
    return this.connection.peer;
  }

  /** Settles when replies have come, when there is room to write again, and at `wake`. Rejects once the connection failed. */
  async progress(): Promise<void> {
    if (this.connection.error === undefined) await this.#wakeup.sleep();
    if (this.connection.error !== undefined) throw this.connection.error;
  }

  wake(): void {
    this.#wakeup.wake();
  }

  /** @throws RespError; one that may pass where the server serves nobody now */
  async request(name: string, ...args: readonly (string | Buffer)[]): Promise<Reply> {
    try {
      return await this.connection.request(name, ...args);
    } catch (error) {
      if (error instanceof ReplyError && scopeOf(error) === 'server') {
        throw refusalOf(this.connection.peer, 'read from', error);
      }
      throw error;
    }
  }
}
