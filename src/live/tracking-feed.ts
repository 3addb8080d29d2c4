// Learns by CLIENT TRACKING which keys of a node have changed. It leaves no trace there, and needs no right of a replica.
//
//     tracker      CLIENT TRACKING ON REDIRECT <id> BCAST     it has all keys watched
//     subscriber   SUBSCRIBE __redis__:invalidate             it hears of them; the id is its own
//
// Neither is of use without the other, and what was told while one of them was lost is a gap.

import type { Connection } from '../../resp/connection.ts';
import { nameOf, ReplyError, RespError, type Peer } from '../../resp/errors.ts';
import type { InvalidationSink } from '../../resp/invalidations.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { final, NodeLink, NodeRun } from '../cluster/node-link.ts';
import type { Node } from '../cluster/topology.ts';
import { whileListening } from '../flow/failure.ts';
import { Wakeup } from '../flow/wakeup.ts';
import { askFlushes, flushesBetween, flushesIn, type Flushes } from '../server/flushes.ts';
import { askInfo, hasKeptData } from '../server/info.ts';
import { attributed } from '../server/refusal.ts';
import { misanswered, replyOf } from '../server/replies.ts';
import { Backoff, pauseAfter } from '../server/retry.ts';
import type { Server } from '../server/server.ts';
import type { Session } from '../server/session.ts';
import type { Feed, FeedOptions, FeedSink } from './feed.ts';

export const INVALIDATIONS = '__redis__:invalidate';

/** Milliseconds between two signs of life: servers that hang up on whoever is silent wait a second at least. */
const BEAT_MS = 500;
/** So many beats from one look at what the server does not tell to the next. */
const BEATS_PER_LOOK = 2;
/** How often a second connection is opened that has to lead to the same server as the first one. */
const MOST_SEARCHES = 4;

export class TrackingFeed implements Feed {
  readonly kind = 'tracking';
  /** What was told while nobody listened cannot be asked for. */
  readonly position = undefined;
  readonly #deployment: Deployment;
  readonly #node: Node;
  readonly #options: FeedOptions;
  readonly #sink: FeedSink;
  readonly #run: NodeRun;
  readonly #attached = new Wakeup();
  /** How often it was attached, the gap in between told. */
  #times = 0;
  #tracking: Tracking | undefined;
  #failure: Error | undefined;

  constructor(deployment: Deployment, node: Node, options: FeedOptions, sink: FeedSink) {
    this.#deployment = deployment;
    this.#node = node;
    this.#options = options;
    this.#sink = sink;
    this.#run = new NodeRun(new NodeLink(deployment, node, options));
  }

  get server(): Server | undefined {
    return this.#run.session?.server;
  }

  get process(): string | undefined {
    return this.#tracking?.isLost === false ? this.#tracking.runId : undefined;
  }

  attach(): Promise<void> {
    const run = this.#run.run((session, last) => this.#follow(session, last));
    void run
      .then(
        (end) => end === 'gone' && this.#tellGap(`${this.#name} is no primary any more`),
        (error: unknown) => this.#fail(final(error) as Error),
      )
      .finally(() => this.#attached.wake());
    return this.#attachedAfter(0);
  }

  async caughtUp(): Promise<void> {
    const times = this.#times;
    const isToldAll = this.#tracking !== undefined && (await this.#catchUp(this.#tracking));
    if (!isToldAll) await this.#attachedAfter(times);
  }

  /** @returns false where it was lost meanwhile */
  async #catchUp(tracking: Tracking): Promise<boolean> {
    const { signal, role: side } = this.#deployment;
    const { peer } = tracking;
    const backoff = new Backoff(this.#options.retry);
    for (;;) {
      try {
        await tracking.catchUp();
        return true;
      } catch (error) {
        if (tracking.isLost) return false;
        // While a script runs for long, for one, the server tells of no change.
        await pauseAfter(attributed(error, peer, 'read from'), backoff, { side, peer, signal }, this.#options);
      }
    }
  }

  get isGone(): boolean {
    return !this.#run.isRunning && !this.#run.isFinished;
  }

  reopen(reason: RespError): void {
    this.#run.fail(reason);
  }

  detach(): void {
    this.#run.end('finished');
    this.#run.session?.connection.close();
    this.#tracking?.close();
    this.#attached.wake();
  }

  /** Settles when it was attached more often, and what was missed meanwhile is told as a gap. */
  async #attachedAfter(times: number): Promise<void> {
    while (this.#times <= times && this.#run.isRunning && this.#failure === undefined) await this.#attached.sleep();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Attaches, and returns when that is lost. */
  async #follow(session: Session, last: Connection | undefined): Promise<void> {
    try {
      this.#tracking = await Tracking.begin(session, this.#deployment, this.#listener());
    } catch (error) {
      session.connection.fail(error as Error);
      return;
    }
    const tracking = this.#tracking;
    if (!this.#run.isRunning) tracking.close();
    // Not before: whatever is read for it has to be newer than the first change that is told again.
    if (this.#times > 0) this.#tellGap(last?.error?.message ?? `The connection to ${this.#name} was lost`);
    this.#times++;
    this.#attached.wake();
    await tracking.hold(() => this.#run.link.progress());
  }

  #listener(): TrackingSink {
    return {
      onKey: (key) => {
        if (this.#run.isRunning) this.#sink.onChange(undefined, key);
      },
      onFlush: () => this.#tellGap(`${this.#name} was flushed, or has loaded other data`, true),
      onUntold: (reason, isWrite) => this.#tellGap(reason, isWrite),
    };
  }

  #tellGap(reason: string, isWrite = false): void {
    if (!this.#run.isFinished) this.#sink.onGap({ reason, isWrite });
  }

  get #name(): string {
    return nameOf(this.#run.session?.peer ?? this.#node.peer);
  }

  #fail(error: Error): void {
    this.#failure = error;
    const isTold = this.#times === 0 || this.#run.isFinished || this.#deployment.signal?.aborted === true;
    if (!isTold) this.#sink.onFailed(error as RespError);
  }
}

interface TrackingSink extends InvalidationSink {
  /** Something has changed that CLIENT TRACKING does not tell of. */
  onUntold(reason: string, isWrite?: boolean): void;
}

/** Both connections, from when they work together until one of them is lost. */
class Tracking {
  readonly #tracker: Connection;
  readonly #subscriber: Connection;
  readonly #sink: TrackingSink;
  readonly #lost = new Wakeup();
  readonly runId: string;
  #info: Server['info'];
  #flushes: Flushes | undefined;
  /** Whether it was told that they cannot be learnt any more. */
  #isBlind = false;
  #isBeating = false;

  private constructor({ connection, info }: Server, subscriber: Connection, sink: TrackingSink) {
    this.#tracker = connection;
    this.#subscriber = subscriber;
    this.#sink = sink;
    this.runId = info.runId;
    this.#info = info;
    for (const one of [connection, subscriber]) one.onProgress(() => this.#endBoth());
    this.#endBoth();
  }

  /** @throws RespError: a connection was lost, or the server does not let us */
  static async begin({ server }: Session, deployment: Deployment, sink: TrackingSink): Promise<Tracking> {
    // Whoever says where the primaries are may have been asked too early.
    if (deployment.kind !== 'server' && server.info.role === 'replica') throw demoted(server.connection);
    const { connection: subscriber } = await openBeside(server, deployment);
    const tracking = new Tracking(server, subscriber, sink);
    try {
      const stop = (reason: Error): void => [server.connection, subscriber].forEach((one) => one.fail(reason));
      await whileListening(deployment.signal, stop, () => tracking.#begin());
      return tracking;
    } catch (error) {
      const reason = attributed(error, tracking.peer, 'read from');
      server.connection.fail(reason);
      throw reason;
    }
  }

  get peer(): Connection['peer'] {
    return this.#tracker.peer;
  }

  get isLost(): boolean {
    return this.#tracker.error !== undefined;
  }

  async #begin(): Promise<void> {
    const subscriber = this.#subscriber;
    subscriber.onInvalidated(this.#sink);
    const id = await subscriber.request('CLIENT ID');
    if (typeof id !== 'number' && typeof id !== 'bigint') throw misanswered(this.peer, 'CLIENT ID');
    // Whoever swallows it would keep every change to himself.
    const subscribed = await subscriber.request('SUBSCRIBE', INVALIDATIONS);
    if (!Array.isArray(subscribed) || String(subscribed[0]) !== 'subscribe') throw misanswered(this.peer, 'SUBSCRIBE');
    const [flushes] = await Promise.all([
      askFlushes(this.#tracker),
      this.#tracker.request('CLIENT TRACKING', 'ON', 'REDIRECT', String(id), 'BCAST').catch(async (error: unknown) => {
        // The server does not know the id where the subscriber was lost meanwhile, which may be heard of later.
        await subscriber.request('PING');
        throw error;
      }),
    ]);
    this.#flushes = flushes;
  }

  /**
   * What was acknowledged before is told by the time of the first PONG but for what the server was about to tell at the end of
   * the same turn, which it has done before the second PING. The tracker answers behind that: so it was there throughout.
   * @throws RespError: the server refuses, or the connection was lost
   */
  async catchUp(): Promise<void> {
    await this.#subscriber.request('PING');
    const pings = [this.#subscriber, this.#tracker].map((one) => one.request('PING'));
    const [looked] = await Promise.all([this.#look(), ...pings]);
    // What the look has found may have ended it when both had answered.
    if (this.#tracker.error !== undefined) throw this.#tracker.error;
    if (looked === 'counted' || this.#flushes === undefined) return;
    this.#flushes = undefined;
    this.#isBlind = true;
    this.#sink.onUntold(untoldAt(this.peer, looked));
  }

  /** Keeps both alive, and returns when one of them is lost. @param onBeat both have answered */
  async hold(onBeat: () => void): Promise<void> {
    let beats = 0;
    const timer = setInterval(() => {
      if (this.#isBeating) return;
      this.#isBeating = true;
      void this.#beat(++beats % BEATS_PER_LOOK === 0)
        .then(onBeat, () => {})
        .finally(() => (this.#isBeating = false));
    }, BEAT_MS);
    while (!this.isLost) await this.#lost.sleep();
    clearInterval(timer);
  }

  /** The loss of the tracker shows nowhere but in its silence. A refusal is an answer as well. */
  async #beat(isLook: boolean): Promise<void> {
    const pings = [this.#subscriber, this.#tracker].map((one) => one.request('PING').catch(replyOf));
    await Promise.all([isLook ? this.#look() : undefined, ...pings]);
  }

  /**
   * What the server does not tell: that databases were swapped, and that it has become a replica, or was one.
   * @returns its refusal where it will not say now what it counts; `uncounted` where it counts nothing
   */
  async #look(): Promise<'counted' | 'uncounted' | ReplyError> {
    const [counts, info] = await Promise.all([
      this.#tracker.request('INFO', 'commandstats').catch(replyOf),
      askInfo(this.#tracker, 'replication').catch(replyOf),
    ]);
    if (!(info instanceof ReplyError)) this.#demandKept(info);
    if (counts instanceof ReplyError) return counts;
    const now = flushesIn(String(counts));
    if (now === undefined) return 'uncounted';
    if (this.#isBlind) {
      this.#isBlind = false;
      this.#flushes = now;
      this.#sink.onUntold(`${nameOf(this.peer)} says again what it counts: a SWAPDB before that was not seen`);
      return 'counted';
    }
    if (this.#flushes === undefined) return 'counted';
    const between = flushesBetween(this.#flushes, now);
    this.#flushes = now;
    if (between === undefined) this.#sink.onUntold(uncountedAt(this.peer));
    else if (between.swaps > 0) this.#sink.onUntold(`Databases of ${nameOf(this.peer)} were swapped (SWAPDB)`, true);
    return 'counted';
  }

  /** A primary that has become a replica goes on telling, and lags behind; and what comes with other data is not told. */
  #demandKept(info: Server['info']): void {
    const isDemoted = info.role === 'replica' && this.#info.role === 'primary';
    if (isDemoted || !hasKeptData(this.#info, info)) this.#tracker.fail(demoted(this.#tracker));
    this.#info = info;
  }

  close(): void {
    this.#tracker.close();
    this.#subscriber.close();
  }

  #endBoth(): void {
    const error = this.#tracker.error ?? this.#subscriber.error;
    if (error === undefined) return;
    this.#tracker.fail(error);
    this.#subscriber.fail(error);
    this.#lost.wake();
  }
}

/** Behind a load balancer the same address may lead to several servers. @throws RespError */
async function openBeside({ connection: { peer }, info }: Server, deployment: Deployment): Promise<Server> {
  for (let search = 0; search < MOST_SEARCHES; search++) {
    const server = await deployment.connectBeside({ peer });
    if (server.info.runId === info.runId) return server;
    server.connection.close();
  }
  throw new RespError('MANY_SERVERS', `Cannot follow ${nameOf(peer)}: each connection leads to another server`, {
    peer,
    hint: 'give the address of the server itself',
  });
}

function untoldAt(peer: Peer, looked: 'uncounted' | ReplyError): string {
  if (looked === 'uncounted') return uncountedAt(peer);
  const why = `${nameOf(peer)} refuses INFO commandstats (${looked.message})`;
  return `${why}: until the user may ask again (+info), a SWAPDB cannot be seen`;
}

function uncountedAt(peer: Peer): string {
  return `The command statistics of ${nameOf(peer)} were reset: a SWAPDB before that cannot be seen`;
}

function demoted({ peer }: Connection): RespError {
  return new RespError('DEMOTED', `Cannot follow ${nameOf(peer)}: it has become a replica, or was one`, {
    peer,
    retryable: true,
  });
}
