// The whole copy: reach both ends, look before the first write, let the entries flow, and say how it went.
//
//     source ── read ──▶ channel ──▶ write ── target
//       └── what changes meanwhile ──┘ under `live`

import type { Reconnect } from '../server/retry.ts';
import type { FirstCopy } from '../source/first-copy.ts';
import { RedisSource } from '../source/redis-source.ts';
import type { WrittenKeys } from '../target/conflicts.ts';
import { RedisTarget } from '../target/redis-target.ts';
import type { RunControls } from './controls.ts';
import { countAll } from './dry-run.ts';
import { channelOf, firstCopyOf, Flow, sourceOf, targetOf, writtenKeysOf } from './flow.ts';
import { withLive, type LiveCopy } from './live.ts';
import type { MigrateOptions, MigrateResult } from './options.ts';
import { startEvent, withSides, type Run } from './preflight.ts';
import { Progress } from './progress.ts';
import { Resume, type Verified } from './resume.ts';
import { settingsOf, withForms } from './settings.ts';
import { warningsOf, type Warning } from './warnings.ts';

export interface Copied {
  readonly figures: MigrateResult;
  /** Which keys of the target are ours; `undefined` where all that were read are. */
  readonly written: WrittenKeys | undefined;
}

/**
 * Copies the keys of the source that are in scope to the target: `migrate`.
 * @param controls what whoever listens for the operator has as well
 * @param verify the check that follows, where one does: the copy is done once that is over
 */
export async function copyOnce(
  options: MigrateOptions,
  controls: RunControls,
  verify?: (copied: Copied) => Promise<Verified>,
): Promise<MigrateResult> {
  const settings = await withForms(settingsOf(options, 'copy', controls));
  const onReconnect = (event: Reconnect): void => settings.onEvent({ type: 'reconnect', ...event });
  return withSides(settings, { purpose: 'write', onReconnect }, (run) => copy(run, verify));
}

async function copy(given: Run, verify: ((copied: Copied) => Promise<Verified>) | undefined): Promise<MigrateResult> {
  const resume = await Resume.open(given);
  try {
    const run = resume?.run ?? given;
    const warnings = [...(resume?.notices ?? []), ...(await warningsOf(run, resume?.isResumed))];
    const progress = new Progress(run.settings);
    const firstCopy = firstCopyOf(run, progress);
    const copied = await withLive(run, progress, resume?.left, (live) =>
      copyAll(run, warnings, progress, { live, firstCopy, resume }, verify !== undefined),
    );
    const { figures } = copied;
    try {
      const verified = figures.failed === 0 ? await verify?.(copied) : undefined;
      await resume?.finish(figures, verified);
    } catch (error) {
      await resume?.leave(error);
      throw error;
    }
    return figures;
  } finally {
    resume?.close();
  }
}

/** What a copy may have beside its two ends. */
interface Companions {
  readonly live: LiveCopy | undefined;
  readonly firstCopy: FirstCopy | undefined;
  readonly resume: Resume | undefined;
}

async function copyAll(
  run: Run,
  warnings: readonly Warning[],
  progress: Progress,
  { live, firstCopy, resume }: Companions,
  // A mistake about which key is ours has to be rare then.
  isVerified: boolean,
): Promise<Copied> {
  const { settings, sides } = run;
  // A value that one file has whole, another one gets so.
  const bigKey = sides.source === undefined && settings.to.address.kind === 'stream' ? Infinity : settings.bigKey;

  if (settings.dryRun) return { figures: await countAll(run, warnings, progress, bigKey), written: undefined };
  const source = sourceOf(sides.source, run, progress, { bigKey, firstCopy, ...live?.reading, ...resume?.from });
  const channel = channelOf(run, run.settings.observation);
  const written = writtenKeysOf(run, isVerified, resume?.isResumed === true);
  const target = targetOf(run, live?.wayBack ?? source, written, progress, live?.writing, resume?.introduce);
  live?.join(source as RedisSource, target as RedisTarget, channel);
  const flow = new Flow(source, channel, target, run, live?.following);
  if (settings.failFast) progress.onFirstFailure = (error) => flow.stop(error);

  if (source instanceof RedisSource && target instanceof RedisTarget)
    await resume?.begin({ source, target, progress, live });
  settings.controls.show('copying');
  const feed = live && { feed: live.feed };
  progress.start({ ...startEvent(run), ...feed }, [...warnings, ...(live?.warnings ?? [])], () => source.fraction);
  try {
    await (live === undefined ? firstCopy?.begin() : live.attach(firstCopy));
    await flow.run(settings.signal);
    live?.demandKept();
    const figures = progress.finish();
    await resume?.keepLast(figures);
    return { figures, written };
  } catch (error) {
    settings.controls.stop();
    progress.stop();
    await resume?.leave(error);
    throw error;
  } finally {
    firstCopy?.close();
  }
}
