// The way to one node, found again when it is lost: pauses, a look at what has changed meanwhile, and a new connection; and
// what runs one connection after the other. What is done on each is its owner's business.

import type { Connection } from '../../resp/connection.ts';
import { ConnectionError, RespError, TimeoutError } from '../../resp/errors.ts';
import { Failure, whileListening } from '../flow/failure.ts';
import { Backoff, pauseAfter, pauseFor, type ReconnectOptions } from '../server/retry.ts';
import { isProcess, otherProcess, type Server } from '../server/server.ts';
import type { Deployment } from './deployment.ts';
import type { NodeHearing } from './node-hearing.ts';
import type { Node } from './topology.ts';
import { Session } from '../server/session.ts';

export interface NodeLinkOptions extends ReconnectOptions {
  /** Of those who listen to the nodes meanwhile; whatever process answers is taken where it is missing. */
  readonly hearing?: NodeHearing | undefined;
  /** Settles once a new connection may be used. */
  readonly introduce?: ((server: Server) => Promise<void>) | undefined;
}

/**
 * A server that is tired of waiting has waited, at least so long in milliseconds: `timeout` knows whole seconds. Whoever hangs
 * up sooner, before anything was done, has another reason.
 */
const LEAST_IDLE_MS = 500;
/** So many breaks in a row cost no try, as each leaves fewer keys that may be what breaks the connection. */
const MOST_EXCUSED = 8;
/** So often in a row another process may answer before that is a failure; and milliseconds that each search waits longer. */
const MOST_SEARCHES = 8;
const SEARCH_MS = 50;

/** Whether a connection was lost, in place of a server that will not work now. */
export function isBreak(error: unknown): error is ConnectionError | TimeoutError {
  return error instanceof ConnectionError || error instanceof TimeoutError;
}

/** There were enough tries: whoever hears of it is not to try again. */
export function final(error: unknown): unknown {
  if (!(error instanceof RespError) || !error.retryable) return error;
  return new RespError(error.code, error.message, { peer: error.peer, hint: error.hint, cause: error });
}

export class NodeLink {
  readonly #deployment: Deployment;
  readonly #options: NodeLinkOptions;
  readonly #backoff: Backoff;
  #node: Node;
  #openedAt = 0;
  /** Whether anything was done on the last connection. */
  #hasWorked = false;
  #excused = 0;
  readonly #stopped = new Failure();
  /** Ends the pauses. */
  readonly #end = new AbortController();

  constructor(deployment: Deployment, node: Node, options: NodeLinkOptions) {
    this.#deployment = deployment;
    this.#node = node;
    this.#options = options;
    this.#backoff = new Backoff(options.retry);
  }

  /** What was sent has done something: the next failure is the first one again. */
  progress(): void {
    this.#hasWorked = true;
    this.#excused = 0;
    this.#backoff.reset();
  }

  /** It broke, and that has told something of what breaks it: the next failure is the first one again. */
  excuse(): void {
    if (this.#excused++ < MOST_EXCUSED) this.#backoff.reset();
  }

  /**
   * Connects; after a failure with a pause, as often as is allowed. A connection that the server closed as nobody had used it
   * is no failure: the next one is opened at once, and nobody hears of it.
   * @param lost the last connection, if there was one
   * @returns `undefined` where the node is no primary any more
   * @throws the last failure, where it will not pass or there were enough; the reason of `stop`
   */
  open(lost?: Pick<Connection, 'error' | 'wasIdle'>): Promise<Server | undefined> {
    return Promise.race([this.#stopped.promise, this.#openWanted(lost)]);
  }

  /** Nobody wants a connection any more: one that is being opened is closed as soon as it is there. The first reason counts. */
  stop(reason: Error): void {
    this.#stopped.fail(reason);
    this.#end.abort(reason);
  }

  get #isStopped(): boolean {
    return this.#end.signal.aborted;
  }

  async #openWanted(lost: Pick<Connection, 'error' | 'wasIdle'> | undefined): Promise<Server | undefined> {
    if (this.#isStopped) return undefined;
    const server = await this.#open(lost);
    // Nobody would ever end the work on it.
    if (this.#isStopped) server?.connection.close();
    return server;
  }

  async #open(lost: Pick<Connection, 'error' | 'wasIdle'> | undefined): Promise<Server | undefined> {
    let error: unknown = lost !== undefined && lost.wasIdle && this.#mayHaveTired() ? undefined : lost?.error;
    for (;;) {
      try {
        if (error !== undefined) {
          await this.#pause(error);
          await this.#deployment.refresh();
          const found = this.#deployment.topology.find(this.#node.id);
          if (found === undefined) return undefined;
          this.#node = found;
        }
        const server = await this.#connect();
        this.#openedAt = performance.now();
        this.#hasWorked = false;
        return server;
      } catch (next) {
        // Nobody waits for another try, nor is to hear of one.
        if (next === error || this.#isStopped) throw next;
        error = next;
      }
    }
  }

  async #connect(): Promise<Server> {
    const server = await this.#reach();
    try {
      await this.#options.introduce?.(server);
      return server;
    } catch (error) {
      // Nobody else has it.
      server.connection.close();
      throw error;
    }
  }

  /** Behind a balancer the same address may lead to several servers. @throws RespError */
  async #reach(): Promise<Server> {
    const { hearing } = this.#options;
    for (let search = 1; ; search++) {
      const server = await this.#deployment.connect(this.#node);
      const { connection } = server;
      try {
        const runId = await hearing?.processOf(this.#node.id);
        if (runId === undefined || isProcess(server, runId)) return server;
        if (search === MOST_SEARCHES) throw otherProcess(connection.peer);
      } catch (error) {
        connection.close();
        throw error;
      }
      connection.close();
      await pauseFor(SEARCH_MS * (search - 1), this.#deployment.signal);
    }
  }

  #mayHaveTired(): boolean {
    return this.#hasWorked || performance.now() - this.#openedAt >= LEAST_IDLE_MS;
  }

  /** @throws `error` itself where it is final; the reason for which it ends early */
  async #pause(error: unknown): Promise<void> {
    const { role: side } = this.#deployment;
    const party = { side, peer: this.#node.peer, signal: this.#end.signal };
    const stop = (reason: Error): void => this.stop(reason);
    await whileListening(this.#deployment.signal, stop, () => pauseAfter(error, this.#backoff, party, this.#options));
  }
}

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
      const server = await this.#open(last);
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

  async #open(last: Connection | undefined): Promise<Server | undefined> {
    try {
      return await this.link.open(last);
    } catch (error) {
      if (this.isRunning) throw error;
      return undefined;
    }
  }

  /** The first call counts. What is being opened, nobody needs any more. */
  end(state: NodeEnd): void {
    if (this.#state === 'running') this.#state = state;
    this.link.stop(new RespError('CLOSED', 'Nothing is left to be done there'));
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

  /** The same, for good: no other connection is worked on. `run` rejects. */
  stop(reason: Error): void {
    this.link.stop(reason);
    this.fail(reason);
  }
}
