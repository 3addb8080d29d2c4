// A feed that learns of changes as a replica does: from the commands that a primary sends to its replicas. It goes on over lost
// connections where the primary can, and says so where it cannot.

import { CommandStream } from '../../resp/command-stream.ts';
import { nameOf, RespError, TimeoutError, type Peer } from '../../resp/errors.ts';
import type { ReplicationLink, ReplicationSink, ReplicationStart } from '../../resp/replication-link.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { NodeLink, NodeRun } from '../cluster/node-link.ts';
import type { Node } from '../cluster/topology.ts';
import { whileListening } from '../flow/failure.ts';
import { Wakeup } from '../flow/wakeup.ts';
import type { Server } from '../server/server.ts';
import type { Session } from '../server/session.ts';
import type { Feed, FeedOptions, FeedPosition, FeedSink } from './feed.ts';
import { KeyPositions } from './key-positions.ts';
import { askHistory, askKeys, newestPoint, reasonOf } from './psync-questions.ts';
import { ReplicatedCommands, Unexplained } from './replicated-commands.ts';

/** How often the source is asked how far it is, or hears something of whoever waits. */
const BEAT_MS = 1000;

/** One link, and the connection beside it. */
class Attempt {
  readonly session: Session;
  readonly positions: KeyPositions;
  link: ReplicationLink | undefined;
  /** Whether the link may be started. */
  isReady = false;
  commands: ReplicatedCommands | undefined;
  /** Whether the snapshot is over: until then the link itself sees to it that something comes. */
  isStreaming = false;

  constructor(session: Session, positions: KeyPositions) {
    this.session = session;
    this.positions = positions;
  }
}

export class PsyncFeed implements Feed {
  readonly kind = 'psync';
  readonly #deployment: Deployment;
  readonly #node: Node;
  readonly #sink: FeedSink;
  readonly #run: NodeRun;
  readonly #unexplained: Unexplained;
  /** Told when anything below has changed, and when more of the stream was read. */
  readonly #changes = new Wakeup();
  #onAttached = (): void => {};
  #onRefused: (error: unknown) => void = () => {};
  #isAttached = false;
  /** As the last link left it. */
  #position: FeedPosition | undefined;
  /** Whether it is yet to be known where the first one begins. */
  #isAwaited = false;
  #attempt: Attempt | undefined;
  /** Where the last link began: one that does not begin further on has brought nothing. */
  #begunAt = Infinity;
  /** How often a snapshot stood before the stream. */
  #beginnings = 0;
  /** It is no primary any more: who has taken its place is followed by others. */
  #isGone = false;
  #ended: RespError | undefined;

  constructor(deployment: Deployment, node: Node, options: FeedOptions, sink: FeedSink) {
    this.#deployment = deployment;
    this.#node = node;
    this.#sink = sink;
    this.#run = new NodeRun(new NodeLink(deployment, node, options));
    this.#unexplained = new Unexplained(sink);
    if (options.from instanceof Promise) void this.#await(options.from);
    else this.#position = options.from ?? undefined;
  }

  /** Nobody goes on from behind a gap that is not told yet. */
  get position(): FeedPosition | undefined {
    return this.#unexplained.isUntold ? undefined : this.#reached;
  }

  get #reached(): FeedPosition | undefined {
    return this.#attempt?.commands?.position ?? this.#position;
  }

  get process(): string | undefined {
    const { session, commands, isReady = false } = this.#attempt ?? {};
    return commands !== undefined || (isReady && this.#isAwaited) ? session!.server.info.runId : undefined;
  }

  get server(): Server | undefined {
    return this.#run.session?.server;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  reopen(reason: RespError): void {
    this.#run.fail(reason);
  }

  attach(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onAttached = resolve;
      this.#onRefused = reject;
      void this.#follow();
    });
  }

  async caughtUp(): Promise<void> {
    const offset = await this.#askSource();
    const beginnings = this.#beginnings;
    // Once it has begun anew, all before is part of the gap that was told.
    while (!this.#isGone && beginnings === this.#beginnings && (this.#attempt?.commands?.told ?? -1) < offset)
      await this.#change();
    this.#unexplained.tellAll();
  }

  detach(): void {
    const { peer } = this.#node;
    if (this.#ended !== undefined) return;
    this.#ended = new RespError('CLOSED', `Nobody follows ${nameOf(peer)} any more`, { peer });
    this.#onRefused(this.#ended);
    this.#run.end('finished');
    this.#run.fail(this.#ended);
    this.#attempt?.link?.close();
    this.#changes.wake();
  }

  /** How far the source is in the history that is followed. @throws RespError where the feed has ended */
  async #askSource(): Promise<number> {
    for (;;) {
      if (this.#isGone) return 0;
      const { session, commands } = this.#attempt ?? {};
      if (session !== undefined && commands !== undefined) {
        try {
          const { offset } = await askHistory(session, commands.replicationId);
          if (this.#attempt?.commands === commands) return offset;
        } catch (error) {
          session.connection.fail(reasonOf(error, session.peer));
        }
      }
      if (commands === this.#attempt?.commands) await this.#change();
    }
  }

  async #change(): Promise<void> {
    if (this.#ended === undefined) await this.#changes.sleep();
    if (this.#ended !== undefined) throw this.#ended;
  }

  /** Whoever is ready before it is known waits for it. */
  async #await(from: Promise<FeedPosition | null>): Promise<void> {
    this.#isAwaited = true;
    this.#position = (await from) ?? undefined;
    this.#isAwaited = false;
    this.#run.session?.wake();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#deployment;
    try {
      const stop = (reason: Error): void => this.#run.stop(reason);
      const end = await whileListening(signal, stop, () => this.#run.run((session) => this.#work(session)));
      if (end === 'gone') this.#leave();
    } catch (error) {
      this.#end(error);
    }
  }

  /** @throws RespError where it has told nothing yet */
  #leave(): void {
    const { peer } = this.#node;
    const message = `Cannot follow ${nameOf(peer)}: it is no primary any more`;
    if (!this.#isAttached) throw new RespError('NODE_GONE', message, { peer, retryable: true });
    this.#isGone = true;
    this.#sink.onGap({ reason: `${nameOf(peer)} is no primary any more` });
    this.#changes.wake();
  }

  #end(error: unknown): void {
    if (this.#ended !== undefined) return;
    const { peer } = this.#node;
    const known = error instanceof RespError ? error : undefined;
    this.#ended =
      known ?? new RespError('FEED', `Cannot follow ${nameOf(peer)}: ${String(error)}`, { peer, cause: error });
    this.#onRefused(error);
    if (this.#isAttached && this.#deployment.signal?.aborted !== true) this.#sink.onFailed(this.#ended);
    this.#changes.wake();
  }

  /** Until the link is lost or the connection beside it, whichever comes first: the other one ends with it. */
  async #work(session: Session): Promise<void> {
    let attempt: Attempt | undefined;
    const timer = setInterval(() => session.wake(), BEAT_MS).unref();
    try {
      attempt = new Attempt(session, await KeyPositions.learn(session));
      this.#attempt = attempt;
      await this.#start(attempt);
      await this.#watch(attempt);
    } catch (error) {
      session.connection.fail(reasonOf(error, session.peer));
    } finally {
      clearInterval(timer);
      this.#position = this.#reached;
      this.#attempt = undefined;
      attempt?.link?.close();
      this.#changes.wake();
    }
  }

  async #start(attempt: Attempt): Promise<void> {
    const { session } = attempt;
    const stream = new CommandStream({
      onName: (name, args) => attempt.commands?.onName(name, args),
      wants: (index, length) => attempt.commands?.wants(index, length) === true,
      onArgument: (index, bytes) => attempt.commands?.onArgument(index, bytes),
      onEnd: (bytes) => attempt.commands?.onEnd(bytes),
    });
    const sink: ReplicationSink = {
      onStart: (start) => this.#begin(attempt, start),
      onSnapshot: () => {},
      onSnapshotEnd: () => this.#stream(attempt),
      onStream: (bytes) => {
        stream.read(bytes);
        this.#changes.wake();
      },
      onLost: (error) => session.connection.fail(reasonOf(error, session.peer)),
    };
    // A replica has the same history, and is behind: what is told by one of both is not to be read from the other.
    attempt.link = await this.#deployment.replicate(session.peer, sink, session.server.info.runId);
    // What it is beside may have been lost, or let go of, while it was only being opened.
    if (session.connection.error !== undefined) attempt.link.close();
    // Before Redis 7.0 there are none without keys: then all of it is read past.
    await attempt.link.wantNoKeys();
    attempt.isReady = true;
    if (this.#isAwaited) await this.#untilKnown(session, attempt.link);
    await attempt.link.start(this.#position ?? (await newestPoint(session)));
  }

  /** Where to go on. A server that hangs up on whoever is silent hears of both meanwhile. */
  async #untilKnown(session: Session, link: ReplicationLink): Promise<void> {
    while (this.#isAwaited) {
      await Promise.all([session.request('PING'), link.request('PING')]);
      if (!this.#isAwaited) return;
      await session.progress();
      // However long that takes: it is the snapshot that has an end.
      this.#run.link.progress();
    }
  }

  #begin(attempt: Attempt, { kind, replicationId, offset }: ReplicationStart): void {
    const before = this.#position;
    const from = { replicationId, offset, db: kind === 'continue' ? (before?.db ?? null) : null };
    const { session, positions } = attempt;
    attempt.commands = new ReplicatedCommands(
      {
        from,
        positions,
        askKeys: (argv) => askKeys(session, argv),
        unexplained: this.#unexplained,
        onAsked: () => this.#onAsked(attempt),
      },
      this.#sink,
    );
    this.#position = from;
    if (kind === 'continue' && offset > this.#begunAt) this.#run.link.progress();
    this.#begunAt = offset;
    if (kind === 'full') {
      this.#beginnings++;
      if (before !== undefined) this.#sink.onGap({ reason: gapReason(before, replicationId) });
    }
    this.#changes.wake();
  }

  /** Before that nothing is told, though nothing is lost: whoever begins to copy then does not fall behind at once. */
  #stream(attempt: Attempt): void {
    attempt.isStreaming = true;
    this.#isAttached = true;
    this.#onAttached();
    this.#changes.wake();
  }

  #onAsked({ commands, link }: Attempt): void {
    if (commands?.isFull === true) link?.pause();
    else link?.resume();
    this.#changes.wake();
  }

  /** A source that has nothing to say may be silent for long: so it is asked whether it has. */
  async #watch(attempt: Attempt): Promise<void> {
    const { session } = attempt;
    const commands = attempt.commands!;
    let [read, movedAt, nextAt] = [-1, performance.now(), 0];
    while (this.#run.isRunning) {
      if (performance.now() >= nextAt) {
        const { offset } = await askHistory(session, commands.replicationId);
        const now = performance.now();
        nextAt = now + BEAT_MS / 2;
        const isBehind = attempt.isStreaming && offset > commands.read;
        if (!isBehind || commands.read !== read) movedAt = now;
        if (now - movedAt >= this.#deployment.timeout) throw silent(session.peer, now - movedAt);
        if (movedAt === now && read >= 0) this.#run.link.progress();
        read = commands.read;
      }
      await session.progress();
    }
  }
}

function gapReason(before: FeedPosition, replicationId: string): string {
  return before.replicationId === replicationId
    ? 'the source no longer holds all writes since the link was lost; a larger repl-backlog-size makes that rarer'
    : 'the source does not know the history of writes that was followed: it was restarted or replaced, or held none of it any more';
}

function silent(peer: Peer, ms: number): TimeoutError {
  const message = `Gave up on ${nameOf(peer)}: for ${Math.round(ms / 1000)} s nothing came of the writes that it has`;
  return new TimeoutError(message, { peer });
}
