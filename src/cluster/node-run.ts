// Runs one connection to a node after the other, until it is told to end. What is done on each is its owner's business.

import type { Connection } from '../../resp/connection.ts';
import { Session } from '../server/session.ts';
import type { NodeLink } from './node-link.ts';

/** `gone`: the node is no primary any more. */
export type NodeEnd = 'finished' | 'gone';

export class NodeRun {
  readonly link: NodeLink;
  #session: Session | undefined;
  #state: 'running' | NodeEnd = 'running';

  constructor(link: NodeLink) {
    this.link = link;
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  get isFinished(): boolean {
    return this.#state === 'finished';
  }

  /** The connection that is worked on, or was last. */
  get session(): Session | undefined {
    return this.#session;
  }

  /**
   * @param work on one connection, until that is of no more use or nothing is to be done any more; `last` is the one before
   * @throws RespError: the node was lost for good; or what `work` throws
   */
  async run(work: (session: Session, last: Connection | undefined) => Promise<void>): Promise<NodeEnd> {
    let last: Connection | undefined;
    while (this.#state === 'running') {
      const server = await this.link.open(last);
      if (!this.isRunning) server?.connection.close();
      else if (server === undefined) this.end('gone');
      else {
        this.#session = new Session(server);
        await work(this.#session, last);
        last = server.connection;
      }
      if (this.isFinished) last?.close();
    }
    return this.#state;
  }

  /** The first call counts. */
  end(state: NodeEnd): void {
    if (this.#state === 'running') this.#state = state;
    this.wake();
  }

  /** Whoever waits for something on the connection should look. */
  wake(): void {
    this.#session?.wake();
  }

  /** Ends the work on the connection: it rejects with the reason. */
  fail(reason: Error): void {
    this.#session?.connection.fail(reason);
  }
}
