// What is kept of a copy, as the next part may go on from it: what has been followed, what is in doubt, and what has to be the
// same in both.

import { RespError } from '../../resp/errors.ts';
import { CHECKPOINT, demandSameCopy, type Checkpoint, type FollowedState } from '../checkpoint/checkpoint.ts';
import type { CheckpointStore } from '../checkpoint/store.ts';
import type { KeyList } from '../flow/key-list.ts';
import type { FollowedPlace, LiveCopy } from './live.ts';
import type { Run } from './preflight.ts';

/** The same options, neither side is what the other one was, and each database that was begun goes where it went. */
export function demandSame(
  before: Checkpoint,
  { settings, plan, apart }: Run,
  { name: where, wayOut }: CheckpointStore,
): void {
  demandSameCopy(before.copy, settings.identity, where, wayOut);
  if (before.met !== undefined) apart!.recall(before.met);
  const begun = new Set(before.source.map(({ db }) => db));
  const moved = before.databases.find(([db, target]) => begun.has(db) && plan.targetDbOf(db) !== target);
  if (moved === undefined) return;
  const [db, target] = moved;
  const message = `Cannot go on from ${where}: database ${db} went to ${target}, and would go to ${plan.targetDbOf(db)} now`;
  throw new RespError(CHECKPOINT, message, { hint: 'say with --db-map where each goes' });
}

export function followedAt(place: FollowedPlace | undefined, live: LiveCopy): FollowedState {
  const isGapOpen = live.isGapOpen || place?.isGapOpen === true;
  return { feeds: place?.feeds ?? [], isGapOpen, isTargetOurs: live.ownNames.isEmpty };
}

/** Where databases go that have come since it was kept, the target may have keys of its own. */
export function withOwnNames(checkpoint: Checkpoint, live: LiveCopy | undefined): Checkpoint {
  const { followed } = checkpoint;
  if (followed === undefined || live === undefined) return checkpoint;
  const isTargetOurs = followed.isTargetOurs && live.ownNames.isEmpty;
  return { ...checkpoint, followed: { ...followed, isTargetOurs } };
}

/** What is not the same on both sides is read by name; where that is too much, all of it is copied once more. */
export function withFailed(checkpoint: Checkpoint, different: KeyList<undefined>): Checkpoint {
  if (different.more > 0) return { ...checkpoint, source: [] };
  const names = Array.from(different.named, ({ db, key }) => [db, key.toString('base64')] as const);
  const { failed } = checkpoint;
  return { ...checkpoint, failed: { ...failed, names: [...failed.names, ...names] } };
}

export function withOpenGap(checkpoint: Checkpoint): Checkpoint {
  const { followed } = checkpoint;
  return followed === undefined ? checkpoint : { ...checkpoint, followed: { ...followed, isGapOpen: true } };
}
