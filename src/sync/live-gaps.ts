// What a copy that follows its source has missed, and how that is made good: what may be older than the source is walked again, and
// what the target has, and the source has not any more, is looked for.

import { RespError } from '../../resp/errors.ts';
import { countOf } from '../../resp/figures.ts';
import { slotOf, SlotSet } from '../cluster/slot.ts';
import type { Feeds } from '../live/feeds.ts';
import { Gaps, type Gap } from '../live/gaps.ts';
import { findLeftovers } from '../live/leftovers.ts';
import type { SourceOrigins } from '../live/name-origins.ts';
import type { NameWalkOptions } from '../live/name-walk.ts';
import { NewDatabases } from '../live/new-databases.ts';
import type { OwnNames } from '../live/own-names.ts';
import type { Rounds } from '../live/rounds.ts';
import type { RedisSource } from '../source/redis-source.ts';
import { COPY_AGAIN } from '../target/final-check.ts';
import { KeyMapping } from '../target/key-mapping.ts';
import type { RedisTarget } from '../target/redis-target.ts';
import type { LeftCopy, LiveStart } from './live-start.ts';
import type { Run } from './preflight.ts';
import type { Progress } from './progress.ts';
import type { LiveSettings } from './settings.ts';
import { mayGrow } from './sides.ts';

/** Why keys are looked for that the source has not any more. */
const BEGUN_ANEW = 'an earlier part of the copy has written keys that may be gone since';
const STILL_MISSED = 'the earlier part of the copy had missed changes that it had not made good yet';

export interface LiveGapsParts {
  readonly feeds: Feeds;
  readonly rounds: Rounds;
  readonly walk: NameWalkOptions;
  readonly ownNames: OwnNames;
  readonly origins: SourceOrigins | undefined;
  readonly progress: Progress;
}

export class LiveGaps {
  readonly gaps = new Gaps();
  readonly #run: Run;
  readonly #live: LiveSettings;
  readonly #sides: LiveStart['sides'];
  readonly #parts: LiveGapsParts;
  /** Slots of keys for which there was no room, each told as a gap that is not walked yet; without a cluster there is one. */
  #crowded = new SlotSet();
  /** Where databases that get their first key later are in scope. */
  readonly #newDatabases: NewDatabases | undefined;
  /** Since the end of following. */
  #isTargetLost = false;
  #source!: RedisSource;
  #target!: RedisTarget;

  constructor(run: Run, live: LiveSettings, sides: LiveStart['sides'], parts: LiveGapsParts) {
    this.#run = run;
    this.#live = live;
    this.#sides = sides;
    this.#parts = parts;
    if (mayGrow(run.settings)) this.#newDatabases = this.#watchDatabases();
  }

  join(source: RedisSource, target: RedisTarget): void {
    this.#source = source;
    this.#target = target;
  }

  /** What an earlier part of the copy has missed or could not copy, and what it has written that is gone since. */
  addLeft({ feeds, isGapOpen, failed }: LeftCopy): void {
    for (const { db, key } of failed) this.#parts.rounds.mark(db, key);
    // What is read from the beginning is as it is now.
    const gap = { databases: undefined, slots: undefined, isFlush: feeds === undefined };
    if (isGapOpen) this.gaps.add({ ...gap, reason: STILL_MISSED });
    else if (gap.isFlush) this.gaps.add({ ...gap, reason: BEGUN_ANEW });
  }

  /** The slot of a key for which there was no room is walked again, or all where there are none. */
  onOverflow(key: Buffer): void {
    const slot = slotOf(key);
    const { isCluster } = this.#sides.source;
    if (this.#crowded.has(isCluster ? slot : 0)) return;
    this.#crowded.add(isCluster ? slot : 0);
    const slots = isCluster ? new SlotSet([[slot, slot]]) : undefined;
    const reason = `more than ${countOf(this.#live.namesLimit, 'key')} have changed and are not read yet`;
    this.gaps.add({ reason, databases: undefined, slots, isFlush: false });
  }

  /** @param isOver whether nothing is read any more */
  onTargetReplaced(wanted: ((key: Buffer) => boolean) | undefined, isOver: boolean): void {
    this.#isTargetLost ||= isOver;
    const reason = 'a server of the target may have lost what it had acknowledged';
    this.gaps.add({ reason, databases: undefined, slots: undefined, wanted, isFlush: false });
  }

  /** Makes good what was missed. */
  async close({ reasons, databases, slots, wanted, isFlush }: Gap): Promise<void> {
    const { source, target } = this.#sides;
    const { feeds, rounds, walk, ownNames, progress } = this.#parts;
    const endRegaining = this.#target.writers.beginRegaining();
    progress.onMissed([...reasons], isFlush);
    // A source that has come to hold the data of another server is found out before anything counts as gone.
    await feeds.caughtUp();
    // What was asked of a node that has lost its place since must not come behind what the walk reads of the other one.
    await rounds.settled();
    // Names for which there is no room from now on are of another gap.
    this.#crowded = new SlotSet();
    // Where nothing is marked no round has looked at that.
    this.demandServers();
    if (!isFlush) await this.#source.walkAgain({ wanted, slots, databases: databases ?? walk.mapping.sourceDbs });
    // What was read before, and is deleted since, may not be there yet: it has to be there to be found.
    await Promise.all([this.#source.walkSettled(), rounds.settled()]);
    const options = { ...walk, ownNames, removesInDoubt: this.#live.deleteInDoubt, databases, slots, wanted };
    await findLeftovers(source, target, options, {
      onLeftover: (db, key) => rounds.mark(db, key),
      onDoubt: (db, name, why) => progress.onDoubt(db, name, why),
      roomy: (asked) => rounds.roomy(asked),
      onAnswered: () => rounds.wake(),
    });
    await rounds.settled();
    endRegaining();
  }

  /** What is told of one server must not be read from another, which may not have it yet. */
  demandServers(): void {
    for (const [nodeId, runId] of this.#parts.feeds.hearing.processes) {
      this.#source.demandServer(nodeId, runId);
      this.#parts.origins?.demandServer(nodeId, runId);
    }
  }

  /** Looks for databases that have come; false where not every server would say. */
  async lookForDatabases(): Promise<boolean> {
    return this.#newDatabases?.look(this.#parts.feeds.feeds.map(({ server }) => server)) ?? true;
  }

  /** @throws RespError where the target lost something when nothing was read any more */
  demandKept(): void {
    if (!this.#isTargetLost) return;
    const message = 'Cannot vouch for the copy: a server of the target was replaced or restarted at its very end';
    throw new RespError('TARGET_REPLACED', message, { hint: COPY_AGAIN, retryable: true });
  }

  #watchDatabases(): NewDatabases {
    const { plan, settings } = this.#run;
    const { rounds, walk, ownNames, progress } = this.#parts;
    const { mapping } = walk;
    const walkFor = (db: number): NameWalkOptions | undefined => {
      const other = plan.targetDbOf(db);
      if (mapping.targetDbs.includes(other)) return undefined;
      return { ...walk, mapping: new KeyMapping({ ...plan, databases: [[db, other]] }, settings) };
    };
    const { namesLimit } = this.#live;
    return new NewDatabases(
      this.#sides.target,
      { databases: plan.databases.map(([db]) => db), ownNames, namesLimit, walkFor },
      {
        onFound: (db) => {
          mapping.addDb(db);
          rounds.follow(db);
          const reason = `database ${db} of the source has got its first keys`;
          this.gaps.add({ reason, databases: [db], slots: undefined, isFlush: false });
        },
        onFailed: (error) => {
          progress.warn('DATABASE_LEFT_OUT', error.message);
          progress.onShrunk(error);
        },
      },
    );
  }
}
