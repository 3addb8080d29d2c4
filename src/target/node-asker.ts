// Asks a node something beside what is written, on whichever connection its writer has. It opens none.

import { ReplyError } from '../../resp/errors.ts';
import { Oversized } from '../../resp/reply.ts';
import type { NodeLink } from '../cluster/node-link.ts';
import { askFlushes, type Flushes } from '../server/info.ts';
import { refusalOf, scopeOf } from '../server/refusal.ts';
import { failMisanswered } from '../server/replies.ts';
import type { Session } from '../server/session.ts';
import { Wakeup } from '../flow/wakeup.ts';

export class NodeAsker {
  readonly #link: NodeLink;
  readonly #moved = new Wakeup();
  #session: Session | undefined;
  #isOver = false;
  #flushes: Promise<Flushes | undefined> = Promise.resolve(undefined);

  constructor(link: NodeLink) {
    this.#link = link;
  }

  /** How often the process was flushed before the first key was written to it; `undefined` where it does not say. */
  get flushes(): Promise<Flushes | undefined> {
    return this.#flushes;
  }

  /** There is a connection, on which nothing was written yet. @param isSame whether to the process of the one before */
  begin(session: Session, isSame: boolean): void {
    this.#session = session;
    const { connection, server } = session;
    // A proxy that names none may hang up on what it does not know.
    const isTold = server.info.runId !== '';
    // Where the connection is lost there will be another one.
    if (!isSame) this.#flushes = isTold ? askFlushes(connection).catch(() => undefined) : Promise.resolve(undefined);
    this.#moved.wake();
  }

  /** There will be no more of them. */
  end(): void {
    this.#isOver = true;
    this.#moved.wake();
  }

  /**
   * On the connection that is there; once more on the next one where that is lost. What would be refused to everybody now
   * loses it.
   * @returns `undefined` where there are no more connections
   */
  async ask<T>(question: (session: Session) => Promise<T>): Promise<T | undefined> {
    while (!this.#isOver) {
      const session = this.#session;
      if (session === undefined || session.connection.error !== undefined) {
        await this.#moved.sleep();
        continue;
      }
      const { connection } = session;
      try {
        const answer = await question(session);
        this.#link.progress();
        return answer;
      } catch (error) {
        if (error instanceof ReplyError && scopeOf(error) === 'server')
          connection.fail(refusalOf(connection.peer, 'write to', error));
        if (connection.error === undefined) throw error;
      }
    }
    return undefined;
  }

  /**
   * The payload of a key, however large, `null` where there is none; `undefined` as `ask`.
   * @throws ReplyError where the node refuses to say
   */
  dump(db: number, name: Buffer): Promise<Buffer | Oversized | null | undefined> {
    return this.ask(async ({ connection, selection }) => {
      selection.use(db);
      const reply = await connection.requestLong('DUMP', name);
      if (Buffer.isBuffer(reply) || reply instanceof Oversized || reply === null) return reply;
      failMisanswered(connection, 'DUMP');
      throw connection.error!;
    });
  }
}
