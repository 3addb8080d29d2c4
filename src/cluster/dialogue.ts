// Asks whoever serves a key, one batch of commands at a time, and follows the key where it went. What a lost connection
// left undone is not said again: whether it was done is for the caller to find out.

import { ReplyError, RespError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import { ask } from '../redis/asking.ts';
import { Backoff } from '../redis/backoff.ts';
import { pauseFor } from '../redis/pause.ts';
import { refusalOf, scopeOf } from '../redis/refusal.ts';
import { Session } from '../redis/session.ts';
import type { Deployment } from './deployment.ts';
import { Line, type LineOptions } from './line.ts';
import type { Node } from './topology.ts';

/** A command's name, and what follows. */
export type Argv = readonly (string | Buffer)[];

/** One node, with the last connection to it. */
interface Party {
  readonly line: Line;
  readonly session: Session;
}

export class Dialogue {
  readonly #deployment: Deployment;
  readonly #options: LineOptions;
  readonly #parties = new Map<string, Party>();
  /** Connections that are being opened, by node. */
  readonly #openings = new Map<string, Promise<Party | undefined>>();
  #turns = 0;
  #reason: Error | undefined;

  constructor(deployment: Deployment, options: LineOptions) {
    this.#deployment = deployment;
    this.#options = options;
  }

  /**
   * All commands must be about `key`, or about keys of its slot.
   * @returns the replies; what the server would not do is among them as an error
   * @throws RespError that is `retryable` where the connection was lost or the server serves nobody now; any other where it
   *   is lost for good
   */
  async ask(db: number, key: Buffer, commands: readonly Argv[]): Promise<Reply[]> {
    const replies: Reply[] = [];
    const backoff = new Backoff(this.#options.retry);
    let asked: Node | undefined;
    while (replies.length < commands.length) {
      const node = asked ?? (await this.#nodeOf(key, backoff));
      const party = await this.#partyAt(node);
      if (party === undefined) continue;
      const answers = await this.#say(party, db, commands.slice(replies.length), asked !== undefined);
      const elsewhere = answers.findIndex((answer) => answer instanceof ReplyError && scopeOf(answer) === 'place');
      replies.push(...(elsewhere === -1 ? answers : answers.slice(0, elsewhere)));
      if (elsewhere === -1) continue;
      this.#turns++;
      const error = answers[elsewhere] as ReplyError;
      asked = this.#deployment.askedNodeOf(error, node.peer);
      if (asked === undefined) await this.#lookAround(error, backoff);
    }
    return replies;
  }

  /** Grows whenever somebody else is asked than before: what was arranged with that one is void. */
  get turns(): number {
    return this.#turns;
  }

  /** Ends what is under way; it rejects with the reason. */
  stop(reason: Error): void {
    this.#reason = reason;
    for (const { session } of this.#parties.values()) session.connection.fail(reason);
  }

  close(): void {
    for (const { session } of this.#parties.values()) session.connection.close();
  }

  async #nodeOf(key: Buffer, backoff: Backoff): Promise<Node> {
    for (;;) {
      const node = this.#deployment.nodeOf(key);
      if (node !== undefined) return node;
      await this.#lookAround(new ReplyError('CLUSTERDOWN no node serves the slot'), backoff);
    }
  }

  /** @throws RespError, where there were enough tries */
  async #lookAround(error: ReplyError, backoff: Backoff): Promise<void> {
    const pause = backoff.next();
    if (pause === undefined) throw error;
    await pauseFor(pause, this.#deployment.signal);
    await this.#deployment.refreshIfPossible();
  }

  /** `undefined` where the node is no primary any more. @throws RespError, never `retryable` */
  async #partyAt(node: Node): Promise<Party | undefined> {
    const known = this.#parties.get(node.id);
    const last = known?.session.connection;
    if (known !== undefined && last?.error === undefined) return known;
    // Several may ask at once, and one connection serves them all.
    const opening = this.#openings.get(node.id) ?? this.#open(node, known);
    this.#openings.set(node.id, opening);
    return opening;
  }

  async #open(node: Node, known: Party | undefined): Promise<Party | undefined> {
    const last = known?.session.connection;
    if (last !== undefined) this.#turns++;
    const line = known?.line ?? new Line(this.#deployment, node, this.#options);
    try {
      const server = await line.open(last);
      if (server === undefined) this.#parties.delete(node.id);
      if (server === undefined) return undefined;
      if (this.#reason !== undefined) server.connection.fail(this.#reason);
      const party = { line, session: new Session(server) };
      this.#parties.set(node.id, party);
      return party;
    } catch (error) {
      throw error instanceof RespError && error.retryable ? final(error) : error;
    } finally {
      this.#openings.delete(node.id);
    }
  }

  async #say({ line, session }: Party, db: number, commands: readonly Argv[], asking: boolean): Promise<Reply[]> {
    const { connection, selection } = session;
    if (connection.error !== undefined) throw connection.error;
    selection.use(db);
    const answers = await Promise.all(
      commands.map(([name, ...args]) => {
        if (asking) ask(connection);
        return connection.request(String(name), ...args).catch(replyOf);
      }),
    );
    const refusal = answers.find((answer) => answer instanceof ReplyError && scopeOf(answer) === 'server');
    if (refusal !== undefined) {
      const what = this.#deployment.role === 'source' ? 'read from' : 'write to';
      connection.fail(refusalOf(connection.peer, what, refusal as ReplyError));
      throw connection.error!;
    }
    line.progress();
    return answers;
  }
}

function replyOf(error: unknown): ReplyError {
  if (error instanceof ReplyError) return error;
  throw error;
}

/** There were enough tries: whoever hears of it is not to try again. */
function final(error: RespError): RespError {
  return new RespError(error.code, error.message, { peer: error.peer, hint: error.hint, cause: error });
}
