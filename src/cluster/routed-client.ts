// Asks whoever serves a key, one batch of commands at a time, and follows the key where it went. What a lost connection
// left undone is not said again: whether it was done is for the caller to find out.

import type { Argument, Connection } from '../../resp/connection.ts';
import { ReplyError, RespError, type Peer } from '../../resp/errors.ts';
import { Parts } from '../../resp/parts.ts';
import type { Reply } from '../../resp/reply.ts';
import { replyOf } from '../server/replies.ts';
import { ask, Session } from '../server/session.ts';
import type { Server } from '../server/server.ts';
import { Backoff, pauseFor } from '../server/retry.ts';
import { demandProcess } from '../server/server.ts';
import { redirectOf, refusalOf, scopeOf } from '../server/refusal.ts';
import type { Deployment } from './deployment.ts';
import { final, isBreak, NodeLink, type NodeLinkOptions } from './node-link.ts';
import { unreachedError, unservedError } from './redirects.ts';
import { slotOf } from './slot.ts';
import type { Node } from './topology.ts';

/** A command's name, and what follows. */
export type Argv = readonly Argument[];

/** The code of an error: the command has to be made anew before it can go elsewhere. */
export const SPENT = 'SPENT';

export interface RoutedClientOptions extends NodeLinkOptions {
  /** A key of the slot is sent to a node that is only just taking that over. */
  readonly onImporting?: ((node: Node, slot: number) => void) | undefined;
  /** A connection to the node is lost, on which not everything was answered. */
  readonly onUnanswered?: ((node: Node, server: Server) => void) | undefined;
}

/** One node, with the last connection to it. */
interface Route {
  readonly link: NodeLink;
  readonly session: Session;
}

/** However few tries there are to be: where a cluster changes, the first answer may be the old one. */
const LEAST_TRIES = 2;

export class RoutedClient {
  readonly #deployment: Deployment;
  readonly #options: RoutedClientOptions;
  readonly #routes = new Map<string, Route>();
  /** Connections that are being opened, by node. */
  readonly #openings = new Map<string, { readonly link: NodeLink; readonly route: Promise<Route | undefined> }>();
  #turns = 0;
  /** Slots whose keys found no way the last time: the next one is not waited for as long. */
  readonly #hopeless = new Set<number>();
  /** Why nobody may ask any more. */
  #reason: Error | undefined;

  constructor(deployment: Deployment, options: RoutedClientOptions) {
    this.#deployment = deployment;
    this.#options = options;
  }

  /**
   * All commands must be about `key`, or about keys of its slot.
   * @returns the replies; what the server would not do is among them as an error
   * @throws RespError that is `retryable` where the connection was lost or the server serves nobody now; any other where it
   *   is lost for good; or `SPENT`
   */
  async ask(db: number, key: Buffer, commands: readonly Argv[]): Promise<Reply[]> {
    const replies: Reply[] = [];
    const slot = slotOf(key);
    const { retries, longest } = this.#options.retry;
    const backoff = new Backoff({ retries: Math.max(retries, LEAST_TRIES), longest });
    let asked: Node | undefined;
    let error = unservedError(slot);
    while (replies.length < commands.length) {
      const node = asked ?? (await this.#nodeOf(key, slot, backoff));
      const route = await this.#routeTo(node);
      if (route === undefined) {
        // Whoever sent the key there may know by now where else it is.
        asked = undefined;
        await this.#lookAround(error, slot, undefined, backoff);
        continue;
      }
      if (asked !== undefined) this.#options.onImporting?.(node, slot);
      this.#options.hearing?.askedOf(node.id)?.add({ db, key });
      const answers = await this.#askNode(node, route, db, commands.slice(replies.length), asked !== undefined);
      const elsewhere = answers.findIndex((answer) => answer instanceof ReplyError && scopeOf(answer) === 'place');
      replies.push(...(elsewhere === -1 ? answers : answers.slice(0, elsewhere)));
      if (elsewhere === -1) continue;
      this.#turns++;
      error = answers[elsewhere] as ReplyError;
      const place = this.#deployment.placeOf(error, node.peer);
      const isSent = asked === undefined && redirectOf(error)?.kind === 'ask';
      asked = isSent && place !== undefined ? this.#deployment.nodeAt(place) : undefined;
      if (asked === undefined) await this.#lookAround(error, slot, place, backoff);
    }
    this.#hopeless.delete(slot);
    return replies;
  }

  /** Grows whenever somebody else is asked than before: what was arranged with that one is void. */
  get turns(): number {
    return this.#turns;
  }

  /** Goes on with this server process of a node. */
  demandServer(nodeId: string, runId: string): void {
    const route = this.#routes.get(nodeId);
    if (route !== undefined) demandProcess(route.session.server, runId);
  }

  /** Ends what is under way; it rejects with the reason. */
  stop(reason: Error): void {
    this.#openNone(reason);
    for (const { session } of this.#routes.values()) session.connection.fail(reason);
  }

  /** Nobody asks it any more. */
  close(): void {
    this.#openNone(new RespError('CLOSED', 'Nobody asks any more'));
    for (const { session } of this.#routes.values()) session.connection.close();
  }

  #openNone(reason: Error): void {
    this.#reason ??= reason;
    for (const { link } of this.#openings.values()) link.stop(reason);
  }

  async #nodeOf(key: Buffer, slot: number, backoff: Backoff): Promise<Node> {
    for (;;) {
      const node = this.#deployment.nodeOf(key);
      if (node !== undefined) return node;
      await this.#lookAround(unservedError(slot), slot, undefined, backoff);
    }
  }

  /**
   * @param place who may know best where it is
   * @throws RespError, where there were enough tries for this slot: a ReplyError where only keys of it are concerned
   */
  async #lookAround(error: ReplyError, slot: number, place: Peer | undefined, backoff: Backoff): Promise<void> {
    const isHopeless = this.#deployment.isUnserved(slot) || (this.#hopeless.has(slot) && backoff.tries > 0);
    const pause = isHopeless ? undefined : backoff.next();
    if (pause === undefined) {
      this.#hopeless.add(slot);
      throw unreachedError(error, slot, this.#deployment);
    }
    await pauseFor(pause, this.#deployment.signal);
    await this.#deployment.refreshIfPossible(place);
  }

  /** `undefined` where the node is no primary any more. @throws RespError, never `retryable` */
  async #routeTo(node: Node): Promise<Route | undefined> {
    const known = this.#routes.get(node.id);
    const last = known?.session.connection;
    if (last !== undefined) this.#deployment.demandPlace(last);
    if (known !== undefined && last?.error === undefined) return known;
    // Several may ask at once, and one connection serves them all.
    const opening = this.#openings.get(node.id);
    if (opening !== undefined) return opening.route;
    if (this.#reason !== undefined) throw final(this.#reason);
    const link = known?.link ?? new NodeLink(this.#deployment, node, this.#options);
    const route = this.#open(node, link, last);
    this.#openings.set(node.id, { link, route });
    return route;
  }

  async #open(node: Node, link: NodeLink, last: Connection | undefined): Promise<Route | undefined> {
    if (last !== undefined) this.#turns++;
    try {
      const server = await link.open(last);
      if (server === undefined) this.#routes.delete(node.id);
      if (server === undefined) return undefined;
      const route = { link, session: new Session(server) };
      this.#routes.set(node.id, route);
      return route;
    } catch (error) {
      throw final(error);
    } finally {
      this.#openings.delete(node.id);
    }
  }

  async #askNode(node: Node, route: Route, db: number, commands: readonly Argv[], asking: boolean): Promise<Reply[]> {
    try {
      return await this.#askAt(route, db, commands, asking);
    } catch (error) {
      // Whose fault it was, whoever asks finds out: he asks for less, or for nothing more in the end.
      if (isBreak(error)) route.link.excuse();
      const { server } = route.session;
      if (server.connection.error !== undefined) this.#options.onUnanswered?.(node, server);
      throw error;
    }
  }

  async #askAt({ link, session }: Route, db: number, commands: readonly Argv[], asking: boolean): Promise<Reply[]> {
    const { connection, selection } = session;
    if (connection.error !== undefined) throw connection.error;
    if (commands.flat().some((arg) => arg instanceof Parts && arg.isSpent)) throw spent();
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
    link.progress();
    return answers;
  }
}

function spent(): RespError {
  return new RespError(SPENT, 'It was sent to somebody who sends it elsewhere, and is held no more');
}
