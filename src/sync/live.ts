// A copy that follows its source: the feeds, the rounds and the cutover, put between source and target for what was asked for.

import { RespError } from '../../resp/errors.ts';
import type { ReplicationPoint } from '../../resp/replication-link.ts';
import { countOf } from '../../resp/figures.ts';
import type { Feed, FeedPosition, FeedSink, FeedStart } from '../live/feed.ts';
import { Feeds } from '../live/feeds.ts';
import { Following } from '../live/following.ts';
import type { LeftFeed } from '../live/left-feeds.ts';
import { SourceOrigins } from '../live/name-origins.ts';
import type { NameWalkOptions } from '../live/name-walk.ts';
import type { OwnNames } from '../live/own-names.ts';
import { PsyncFeed } from '../live/psync-feed.ts';
import { Rounds, type RoundsPlace } from '../live/rounds.ts';
import { findStreams, Streams } from '../live/streams.ts';
import { TrackingFeed } from '../live/tracking-feed.ts';
import type { Channel } from '../flow/channel.ts';
import type { Node } from '../cluster/topology.ts';
import { PageLedger } from '../scan/page-ledger.ts';
import type { FirstCopy } from '../source/first-copy.ts';
import type { RedisSource } from '../source/redis-source.ts';
import type { RedisTarget } from '../target/redis-target.ts';
import type { WayBack } from '../target/target.ts';
import type { LiveProgress, StartEvent } from './options.ts';
import type { LiveWriting, ReadingOptions } from './flow.ts';
import { LiveGaps } from './live-gaps.ts';
import { lookBefore, nameWalkOf, type LeftCopy, type LiveStart } from './live-start.ts';
import type { Run } from './preflight.ts';
import type { Progress } from './progress.ts';
import type { LiveSettings } from './settings.ts';
import type { Warning } from './warnings.ts';

/** Names of changed keys, with all that is needed to find them. */
const DIRTY_BYTES = 200 * 1024 * 1024;

/** What `use` does may follow the source, where that is asked for; it is let go of behind it. @throws RespError */
export async function withLive<T>(
  run: Run,
  progress: Progress,
  left: LeftCopy | undefined,
  use: (live: LiveCopy | undefined) => Promise<T>,
): Promise<T> {
  const { live } = run.settings;
  if (live === undefined) return use(undefined);
  const copy = new LiveCopy(run, live, await lookBefore(run, live, progress, left), progress);
  try {
    return await use(copy);
  } finally {
    copy.stop();
  }
}

/** How far it is at one moment, beside the walks. */
export interface FollowedPlace extends Pick<LeftCopy, 'isGapOpen'> {
  readonly feeds: readonly LeftFeed[];
  readonly rounds: RoundsPlace;
  /** How often a key had been asked for by then that may have changed unheard: see `Hearing`. */
  readonly unheard: number;
  /** Whether the walks are over. */
  readonly isWalked: boolean;
}

export class LiveCopy {
  readonly ownNames: OwnNames;
  readonly following: Following;
  /** What the source needs to know. */
  readonly reading: Required<Pick<ReadingOptions, 'ledger' | 'follower' | 'hearing'>>;
  readonly feed: NonNullable<StartEvent['feed']>;
  readonly warnings: readonly Warning[];
  readonly #run: Run;
  readonly #live: LiveSettings;
  readonly #sides: LiveStart['sides'];
  readonly #progress: Progress;
  readonly #gaps: LiveGaps;
  readonly #rounds: Rounds;
  readonly #feeds: Feeds;
  readonly #walk: NameWalkOptions;
  /** Where several keys may get one name. */
  readonly #origins: SourceOrigins | undefined;
  readonly #left: LeftCopy | undefined;
  #isAttached = false;
  #source!: RedisSource;
  #target!: RedisTarget;

  constructor(run: Run, live: LiveSettings, { sides, choice, ownNames, left }: LiveStart, progress: Progress) {
    this.#left = left;
    this.#run = run;
    this.#live = live;
    this.#sides = sides;
    this.#progress = progress;
    this.ownNames = ownNames;
    this.feed = { kind: choice.kind, why: choice.why };
    this.warnings = choice.warnings;
    const databases = run.plan.databases.map(([db]) => db);
    const isNumbered = sides.source.isCluster && databases.length > 1;
    // Valkey 9.1 names another database than the right one where a slot moves as one while it is written.
    const dbOf = (db: number | undefined): number | undefined => (isNumbered ? undefined : db);
    const newFeed = (node: Node, sink: FeedSink, from: FeedStart | undefined): Feed => {
      const onReconnect = progress.onReconnect.bind(progress);
      const options = { retry: run.settings.retry, onReconnect, from };
      return choice.kind === 'psync'
        ? new PsyncFeed(sides.source, node, options, sink)
        : new TrackingFeed(sides.source, node, options, sink);
    };
    this.#feeds = new Feeds(sides.source, newFeed, {
      onChange: (db, key) => this.following.onChange(dbOf(db), key),
      onMoved: (db, key) => run.settings.scope.includes(key) && this.#rounds.mark(dbOf(db), key),
      onMissed: (share) => this.following.onMissed(share),
      onFailed: (error) => this.following.fail(error),
    });
    const { hearing } = this.#feeds;
    this.#walk = { ...nameWalkOf(run, progress), hearing };
    const streams = new Streams(live.namesLimit);
    const ledger = new PageLedger();
    const limits = { mostKeys: live.namesLimit, mostBytes: DIRTY_BYTES };
    this.#rounds = new Rounds(
      { databases, scope: run.settings.scope, settle: live.settle, streams, ...limits },
      ledger,
      {
        readChanged: (db, key, page) => this.#source.readChanged(db, key, page),
        onRound: () => this.#gaps.demandServers(),
        onOverflow: (key) => this.#gaps.onOverflow(key),
        moveTest: () => this.#source.moveTest(),
        onWalked: () => this.following.onWalked(),
      },
    );
    this.reading = { ledger, follower: this.#rounds, hearing };
    if (run.settings.names.mayCollide || run.plan.merges) {
      this.#origins = new SourceOrigins(sides.source, this.#walk, (error) => this.following.fail(error));
    }
    this.#gaps = new LiveGaps(run, live, sides, {
      feeds: this.#feeds,
      rounds: this.#rounds,
      walk: this.#walk,
      ownNames,
      origins: this.#origins,
      progress,
    });
    this.following = new Following(
      {
        feeds: this.#feeds,
        rounds: this.#rounds,
        gaps: this.#gaps.gaps,
        streams,
        lookForDatabases: () => this.#gaps.lookForDatabases(),
        looks: [() => this.#lookAtSize(), () => this.#target.ask((nodes) => nodes.look())],
        findStreams: () => this.#findStreams(streams),
        hearTarget: () => this.#target.ask((nodes) => nodes.hear()),
        close: (gap) => this.#gaps.close(gap),
        unanswered: () => this.#target.unanswered(),
        failed: () => progress.failedKeys,
        reachTarget: () => this.#target.ask((nodes) => nodes.reach()),
        confirm: (timeoutMs) => this.#confirm(timeoutMs),
      },
      live,
      {
        onPhase: (phase) => progress.onPhase(phase),
        onStragglers: (names, count) => progress.onStragglers(names, count),
      },
    );
  }

  /** How far it is now; `undefined` where that cannot be told. */
  get place(): FollowedPlace | undefined {
    if (!this.#isAttached || !this.#feeds.isPlain) return undefined;
    const { isWalked } = this.following;
    return {
      feeds: this.#feeds.left,
      rounds: this.#rounds.place,
      unheard: this.#feeds.hearing.times,
      isGapOpen: this.isGapOpen,
      isWalked,
    };
  }

  /**
   * Whether all is on the target that had changed by then, or was missed and made good. What was read since where nobody
   * listened may be gone by now, and the feeds as they were then would not tell it.
   */
  hasPassed({ rounds, unheard }: FollowedPlace): boolean {
    return unheard === this.#feeds.hearing.times && this.#rounds.hasPassed(rounds);
  }

  /** Of the source, as far as they are followed by now. */
  get databases(): readonly number[] {
    return this.#walk.mapping.sourceDbs;
  }

  /** Whether something was missed that is not made good yet. */
  get isGapOpen(): boolean {
    return this.#gaps.gaps.isOpen;
  }

  /** @throws RespError where the target lost something when nothing was read any more */
  demandKept(): void {
    this.#gaps.demandKept();
  }

  get writing(): LiveWriting {
    return { ownNames: this.ownNames, origins: this.#origins };
  }

  stop(): void {
    this.following.stop();
    this.#origins?.end();
  }

  /**
   * From now on changes are told. psync goes on behind the snapshot, with the history that it has made sure of, and is ready for
   * that before the snapshot is made: the source keeps what is written only for so long. Others are there before.
   * @throws RespError where the source does not let us
   */
  async attach(firstCopy: FirstCopy | undefined): Promise<void> {
    if (firstCopy === undefined || this.feed.kind !== 'psync') {
      await this.following.attach(this.#left?.feeds);
      await firstCopy?.begin(this.reading.hearing);
    } else {
      const { topology } = this.#sides.source;
      const before = topology.nodes.map((node) => ({
        id: node.id,
        position: startBehind(firstCopy.pointOf(node.id)),
        slots: topology.rangesOf(node),
      }));
      await Promise.all([this.following.attach(before), firstCopy.begin(this.reading.hearing)]);
    }
    this.#isAttached = true;
    if (this.#left !== undefined) this.#gaps.addLeft(this.#left);
  }

  /** What the target asks of the source: what it may have lost is a gap. */
  get wayBack(): WayBack {
    return {
      again: (entry) => this.#source.again(entry),
      againInPieces: (entry) => this.#source.againInPieces(entry),
      rescan: (wanted) => this.#gaps.onTargetReplaced(wanted, this.following.isOver),
      onChanging: (key) => this.#rounds.onChanging(key),
    };
  }

  get progress(): LiveProgress {
    const { phase, behind, lag } = this.following;
    return { phase, behind, lag: Number.isFinite(lag) ? lag : null };
  }

  join(source: RedisSource, target: RedisTarget, channel: Channel): void {
    this.#source = source;
    this.#target = target;
    this.#gaps.join(source, target);
    // Keys of a round may be done with, and there may be room for more.
    channel.onDeparture(() => this.#rounds.wake());
    const { mapping } = this.#walk;
    this.#progress.follow(
      () => this.progress,
      ({ db, key }) => mapping.targetOf(db, key),
      ({ db, key }) => this.#rounds.mark(db, key),
    );
  }

  /** What an earlier part of the copy has read. */
  async #findStreams(streams: Streams): Promise<void> {
    if (this.#left?.feeds === undefined) return;
    const { scope } = this.#run.settings;
    const { sourceDbs: databases } = this.#walk.mapping;
    await findStreams(streams, this.#sides.source, this.#walk, { databases, scope });
  }

  /** Values that were small may have become large, and are not to be dumped as a whole then. */
  async #lookAtSize(): Promise<void> {
    for (const [nodeId, info] of await this.#feeds.infos()) this.#source.grew(nodeId, info);
  }

  async #confirm(timeoutMs: number): Promise<void> {
    const { waitReplicas } = this.#live;
    if (waitReplicas === 0) return;
    const replicas = await this.#target.ask((nodes) => nodes.waitForReplicas(waitReplicas, timeoutMs));
    if (replicas >= waitReplicas) return;
    const message = `Gave up on the cutover: ${countOf(replicas, 'replica')} of the target had everything, and ${waitReplicas} were asked for`;
    throw new RespError('REPLICAS', message, { retryable: true });
  }
}

/** In which database it goes on, a snapshot does not tell. */
async function startBehind(snapshot: Promise<ReplicationPoint | undefined>): Promise<FeedPosition | null> {
  const point = await snapshot;
  return point === undefined ? null : { ...point, db: null };
}
