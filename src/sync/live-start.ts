// What is known of a copy that follows its source before anything is written: how it learns of changes, which keys of the target
// are not to be touched, and how far an earlier part of it has come.

import { existsSync } from 'node:fs';
import { RespError } from '../../resp/errors.ts';
import { countOf } from '../../resp/figures.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { KeyId } from '../flow/key-id.ts';
import { chooseFeed, type FeedChoice } from '../live/feed-choice.ts';
import type { LeftFeed } from '../live/left-feeds.ts';
import type { NameWalkOptions } from '../live/name-walk.ts';
import { OwnNames, takeDownNames } from '../live/own-names.ts';
import { KeyMapping } from '../target/key-mapping.ts';
import { demandApart, type Run } from './preflight.ts';
import type { Progress } from './progress.ts';
import type { LiveSettings } from './settings.ts';
import { mayGrow, type DatabasePairs } from './sides.ts';

/** How far a copy that follows its source had come when it was broken off. */
export interface LeftCopy {
  /** `undefined` where all is copied once more. */
  readonly feeds: readonly LeftFeed[] | undefined;
  /** Whether something had been missed that was not made good yet. */
  readonly isGapOpen: boolean;
  /** Whether the target held nothing in scope that was its own, where these databases of it go. */
  readonly isTargetOurs: boolean;
  readonly databases: DatabasePairs;
  /** What could not be copied: it is to be read as after a change, which may have been that it is gone. */
  readonly failed: readonly KeyId[];
}

export interface LiveStart {
  readonly sides: { readonly source: Deployment; readonly target: Deployment };
  readonly choice: FeedChoice;
  readonly ownNames: OwnNames;
  /** Where an earlier part was begun. */
  readonly left: LeftCopy | undefined;
}

/** @throws RespError where the source cannot be followed */
export async function lookBefore(
  run: Run,
  live: LiveSettings,
  progress: Progress,
  left: LeftCopy | undefined,
): Promise<LiveStart> {
  const { source, target } = run.sides;
  if (source === undefined || target === undefined)
    throw new RespError('LIVE', 'Cannot follow a file: both sides have to be servers');
  if (run.settings.resume !== undefined && left === undefined) demandUnsaid(live.cutoverFile);
  const choice = await chooseFeed(source, live.feed, run.settings.firstCopy === 'snapshot');
  demandApart(source, target, choice.kind, mayGrow(run.settings));
  const ownNames = await ownNamesOf(run, live, progress, left, target);
  demandKnown(ownNames, run, live, left);
  return { sides: { source, target }, choice, ownNames, left };
}

async function ownNamesOf(
  run: Run,
  live: LiveSettings,
  progress: Progress,
  left: LeftCopy | undefined,
  target: Deployment,
): Promise<OwnNames> {
  if (left?.isTargetOurs !== true) {
    // Of what is there now nobody knows what an earlier part has written: only nothing is known to be the target's own then.
    const most = left === undefined ? live.namesLimit : 0;
    return takeDownNames(target, nameWalkOf(run, progress), most);
  }
  // Where databases go that have come since, nothing was written.
  const begun = new Set(left.databases.map(([, db]) => db));
  const databases = run.plan.databases.filter(([, db]) => !begun.has(db));
  if (databases.length === 0) return new OwnNames();
  return takeDownNames(target, nameWalkOf({ ...run, plan: { ...run.plan, databases } }, progress), live.namesLimit);
}

export function nameWalkOf({ plan, settings }: Run, progress: Progress): NameWalkOptions {
  const onReconnect = progress.onReconnect.bind(progress);
  return { mapping: new KeyMapping(plan, settings), retry: settings.retry, onReconnect, count: settings.count };
}

/** What is told of a file whose appearance is the cutover. */
export const SAID_HINT = 'remove it first: it has to appear when the writers have stopped';

/** @throws RespError where the cutover of a copy that begins is said already */
function demandUnsaid(file: string | undefined): void {
  if (file === undefined || !existsSync(file)) return;
  throw new RespError('CUTOVER', `Cannot use --cutover-file ${file}: it is there already`, { hint: SAID_HINT });
}

/** @throws RespError where it cannot be told which keys of the target are its own */
function demandKnown(
  ownNames: OwnNames,
  { settings: { onConflict } }: Run,
  { namesLimit }: LiveSettings,
  left: LeftCopy | undefined,
): void {
  if (ownNames.isComplete || onConflict === 'replace') return;
  if (left !== undefined) {
    const message = `Cannot go on with --on-conflict ${onConflict}: the target held keys of its own when the copy began, and which they were is not known any more`;
    throw new RespError('NAMES_LOST', message, {
      hint: 'begin anew, with a target that holds nothing of the earlier part',
    });
  }
  const message = `Cannot follow with --on-conflict ${onConflict}: the target has more than ${countOf(namesLimit, 'key')} of its own, which cannot all be kept in mind`;
  throw new RespError('TOO_MANY_NAMES', message, { hint: 'raise --names-limit, or copy into an empty target' });
}
