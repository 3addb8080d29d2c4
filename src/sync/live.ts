// A copy that follows its source: the feeds, the rounds and the cutover, put between source and target for what was asked for.

import { RespError } from '../../resp/errors.ts';
import { countOf } from '../../resp/figures.ts';
import type { Feed, FeedPosition, FeedSink } from '../live/feed.ts';
import { Feeds } from '../live/feeds.ts';
import { Following } from '../live/following.ts';
import { Gaps, type Gap } from '../live/gaps.ts';
import { leftAt, type LeftFeed } from '../live/left-feeds.ts';
import { findLeftovers } from '../live/leftovers.ts';
import { SourceOrigins } from '../live/name-origins.ts';
import { NewDatabases } from '../live/new-databases.ts';
import type { NameWalkOptions } from '../live/name-walk.ts';
import type { OwnNames } from '../live/own-names.ts';
import { PsyncFeed } from '../live/psync-feed.ts';
import { Rounds, type RoundsPlace } from '../live/rounds.ts';
import { findStreams, Streams } from '../live/streams.ts';
import { TrackingFeed } from '../live/tracking-feed.ts';
import { slotOf, SlotSet } from '../cluster/slot.ts';
import type { Channel } from '../flow/channel.ts';
import type { Node } from '../cluster/topology.ts';
import { PageLedger } from '../scan/page-ledger.ts';
import type { FirstCopy } from '../source/first-copy.ts';
import type { RedisSource } from '../source/redis-source.ts';
import type { RedisTarget } from '../target/redis-target.ts';
import { KeyMapping } from '../target/key-mapping.ts';
import type { WayBack } from '../target/target.ts';
import type { LiveProgress, StartEvent } from './options.ts';
import type { LiveWriting, ReadingOptions } from './flow.ts';
import { lookBefore, nameWalkOf, type LeftCopy, type LiveStart } from './live-start.ts';
import type { Run } from './preflight.ts';
import type { Progress } from './progress.ts';
import { mayGrow } from './sides.ts';
import type { LiveSettings } from './settings.ts';
import type { Warning } from './warnings.ts';

/** Names of changed keys, with all that is needed to find them. */
const DIRTY_BYTES = 200 * 1024 * 1024;
/** Why keys are looked for that the source has not any more. */
const BEGUN_ANEW = 'an earlier part of the copy has written keys that may be gone since';
const STILL_MISSED = 'the earlier part of the copy had missed changes that it had not made good yet';

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
  /** Whether the walks are over. */
  readonly isWalked: boolean;
}

export class LiveCopy {
  readonly ownNames: OwnNames;
  readonly following: Following;
  /** What the source needs to know. */
  readonly reading: Required<Pick<ReadingOptions, 'ledger' | 'follower' | 'heldTo'>>;
  readonly feed: NonNullable<StartEvent['feed']>;
  readonly warnings: readonly Warning[];
  readonly #run: Run;
  readonly #live: LiveSettings;
  readonly #sides: LiveStart['sides'];
  readonly #progress: Progress;
  readonly #gaps = new Gaps();
  readonly #rounds: Rounds;
  readonly #feeds: Feeds;
  /** Slots of keys for which there was no room, each told as a gap that is not walked yet; without a cluster there is one. */
  #crowded = new SlotSet();
  /** Where databases that get their first key later are in scope. */
  readonly #newDatabases: NewDatabases | undefined;
  readonly #walk: NameWalkOptions;
  /** Where several keys may get one name. */
  readonly #origins: SourceOrigins | undefined;
  /** Since the end of following. */
  #isTargetLost = false;
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
    const heldTo = (nodeId: string): Promise<string | undefined> => this.#feeds.processOf(nodeId);
    this.#walk = { ...nameWalkOf(run, progress), heldTo };
    const streams = new Streams(live.namesLimit);
    const ledger = new PageLedger();
    const isNumbered = sides.source.isCluster && databases.length > 1;
    // Valkey 9.1 names another database than the right one where a slot moves as one while it is written.
    const dbOf = (db: number | undefined): number | undefined => (isNumbered ? undefined : db);
    const limits = { mostKeys: live.namesLimit, mostBytes: DIRTY_BYTES };
    this.#rounds = new Rounds(
      { databases, scope: run.settings.scope, settle: live.settle, streams, ...limits },
      ledger,
      {
        readChanged: (db, key, page) => this.#source.readChanged(db, key, page),
        onRound: () => this.#demandServers(),
        onOverflow: (key) => this.#onOverflow(key),
        onWalked: () => this.following.onWalked(),
      },
    );
    this.reading = { ledger, follower: this.#rounds, heldTo };
    const newFeed = (node: Node, sink: FeedSink, from: FeedPosition | undefined): Feed => {
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
    if (run.settings.names.mayCollide || run.plan.merges) {
      this.#origins = new SourceOrigins(sides.source, this.#walk, (error) => this.following.fail(error));
    }
    if (mayGrow(run.settings)) this.#newDatabases = this.#watchDatabases(databases);
    this.following = new Following(
      {
        feeds: this.#feeds,
        rounds: this.#rounds,
        gaps: this.#gaps,
        streams,
        lookForDatabases: () => this.#lookForDatabases(),
        looks: [() => this.#lookAtSize(), () => this.#target.ask((nodes) => nodes.look())],
        findStreams: () => this.#findStreams(streams),
        close: (gap) => this.#close(gap),
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
    return { feeds: this.#feeds.left, rounds: this.#rounds.place, isGapOpen: this.isGapOpen, isWalked };
  }

  /** Whether all is on the target that had changed by then, or was missed and made good. */
  hasPassed({ rounds }: FollowedPlace): boolean {
    return this.#rounds.hasPassed(rounds);
  }

  /** Whether something was missed that is not made good yet. */
  get isGapOpen(): boolean {
    // Slots that have moved are walked once more.
    return this.#gaps.isOpen || !this.#source.isStill;
  }

  get writing(): LiveWriting {
    return { ownNames: this.ownNames, origins: this.#origins };
  }

  stop(): void {
    this.following.stop();
    this.#origins?.end();
  }

  /**
   * From now on changes are told. psync goes on behind the snapshot, with the history that it has made sure of; others have to
   * be there before it is made.
   * @throws RespError where the source does not let us
   */
  async attach(firstCopy: FirstCopy | undefined): Promise<void> {
    if (firstCopy === undefined || this.feed.kind !== 'psync') {
      await this.following.attach(this.#left?.feeds);
      await firstCopy?.begin(this.reading.heldTo);
    } else {
      const points = await firstCopy.begin();
      const { topology } = this.#sides.source;
      const left = topology.nodes.map((node) => leftAt(node, points.get(node.id), topology.rangesOf(node)));
      await this.following.attach(left);
    }
    this.#isAttached = true;
    this.#addLeftGap();
  }

  /** What the target asks of the source: what it may have lost is a gap. */
  get wayBack(): WayBack {
    return {
      again: (entry) => this.#source.again(entry),
      againInPieces: (entry) => this.#source.againInPieces(entry),
      rescan: (wanted) => this.#onTargetReplaced(wanted),
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

  /** What an earlier part of the copy has missed, and what it has written that is gone since. */
  #addLeftGap(): void {
    if (this.#left === undefined) return;
    const { feeds, isGapOpen } = this.#left;
    // What is read from the beginning is as it is now.
    const gap = { databases: undefined, slots: undefined, isFlush: feeds === undefined };
    if (isGapOpen) this.#gaps.add({ ...gap, reason: STILL_MISSED });
    else if (gap.isFlush) this.#gaps.add({ ...gap, reason: BEGUN_ANEW });
  }

  async #close({ reasons, databases, wanted, isFlush }: Gap): Promise<void> {
    const { source, target } = this.#sides;
    const endRegaining = this.#target.writers.beginRegaining();
    this.#progress.onMissed([...reasons], isFlush);
    // A source that has come to hold the data of another server is found out before anything counts as gone.
    await this.#feeds.caughtUp();
    // What was asked of a node that has lost its place since must not come behind what the walk reads of the other one.
    await this.#rounds.settled();
    // Names for which there is no room from now on are of another gap.
    this.#crowded = new SlotSet();
    // Where nothing is marked no round has looked at that.
    this.#demandServers();
    if (!isFlush) await this.#source.walkAgain(wanted, databases ?? this.#walk.mapping.sourceDbs);
    // What was read before, and is deleted since, may not be there yet: it has to be there to be found.
    await Promise.all([this.#source.walkSettled(), this.#rounds.settled()]);
    const { ownNames } = this;
    const { deleteInDoubt: removesInDoubt } = this.#live;
    const options = { ...this.#walk, ownNames, removesInDoubt, databases, wanted };
    await findLeftovers(source, target, options, {
      onLeftover: (db, key) => this.#rounds.mark(db, key),
      onDoubt: (db, name, why) => this.#progress.onDoubt(db, name, why),
    });
    await this.#rounds.settled();
    endRegaining();
  }

  /** Values that were small may have become large, and are not to be dumped as a whole then. */
  async #lookAtSize(): Promise<void> {
    for (const [nodeId, info] of await this.#feeds.infos()) this.#source.grew(nodeId, info);
  }

  async #lookForDatabases(): Promise<boolean> {
    return this.#newDatabases?.look(this.#feeds.feeds.map(({ server }) => server)) ?? true;
  }

  #watchDatabases(databases: readonly number[]): NewDatabases {
    const { plan, settings } = this.#run;
    const { mapping } = this.#walk;
    const walkFor = (db: number): NameWalkOptions | undefined => {
      const other = plan.targetDbOf(db);
      if (mapping.targetDbs.includes(other)) return undefined;
      return { ...this.#walk, mapping: new KeyMapping({ ...plan, databases: [[db, other]] }, settings) };
    };
    const { ownNames } = this;
    const { namesLimit } = this.#live;
    return new NewDatabases(
      this.#sides.target,
      { databases, ownNames, namesLimit, walkFor },
      {
        onFound: (db) => {
          mapping.addDb(db);
          this.#rounds.follow(db);
          const reason = `database ${db} of the source has got its first keys`;
          this.#gaps.add({ reason, databases: [db], slots: undefined, isFlush: false });
        },
        onFailed: (error) => {
          this.#progress.warn('DATABASE_LEFT_OUT', error.message);
          this.#progress.onShrunk(error);
        },
      },
    );
  }

  /** What is told of one server must not be read from another, which may not have it yet. */
  #demandServers(): void {
    for (const [nodeId, runId] of this.#feeds.processes) {
      this.#source.demandServer(nodeId, runId);
      this.#origins?.demandServer(nodeId, runId);
    }
  }

  /** The slot of a key for which there was no room is walked again, or all where there are none. */
  #onOverflow(key: Buffer): void {
    const slot = slotOf(key);
    const { isCluster } = this.#sides.source;
    if (this.#crowded.has(isCluster ? slot : 0)) return;
    this.#crowded.add(isCluster ? slot : 0);
    const slots = isCluster ? new SlotSet([[slot, slot]]) : undefined;
    const reason = `more than ${countOf(this.#live.namesLimit, 'key')} have changed and are not read yet`;
    this.#gaps.add({ reason, databases: undefined, slots, isFlush: false });
  }

  /** @throws RespError where the target lost something when nothing was read any more */
  demandKept(): void {
    if (!this.#isTargetLost) return;
    const message = 'Cannot vouch for the copy: a server of the target was replaced or restarted at its very end';
    throw new RespError('TARGET_REPLACED', message, { hint: 'copy again', retryable: true });
  }

  #onTargetReplaced(wanted: ((key: Buffer) => boolean) | undefined): void {
    this.#isTargetLost ||= this.following.isOver;
    const reason = 'a server of the target may have lost what it had acknowledged';
    this.#gaps.add({ reason, databases: undefined, slots: undefined, wanted, isFlush: false });
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
