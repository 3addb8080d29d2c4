// A dry run: what a copy would bring is read and counted, and nothing is written.

import { DryRunTarget } from '../target/target.ts';
import { countedAnew } from './counting.ts';
import { channelOf, Flow, sourceOf } from './flow.ts';
import type { MigrateResult } from './options.ts';
import { startEvent, type Run } from './preflight.ts';
import type { Progress } from './progress.ts';
import type { Warning } from './warnings.ts';

/** Counts all that is in scope, again from the start where what was counted does not hold. */
export async function countAll(
  run: Run,
  warnings: readonly Warning[],
  progress: Progress,
  bigKey: number,
): Promise<MigrateResult> {
  const { controls } = run.settings;
  controls.show('copying');
  const count = (isAnew: boolean): Promise<MigrateResult | undefined> =>
    countOnce(run, isAnew ? [] : warnings, progress, { bigKey, plainly: isAnew });
  try {
    return await countedAnew(count, progress, 'count');
  } catch (error) {
    controls.stop();
    progress.stop();
    throw error;
  }
}

async function countOnce(
  run: Run,
  warnings: readonly Warning[],
  progress: Progress,
  reading: { readonly bigKey: number; readonly plainly: boolean },
): Promise<MigrateResult | undefined> {
  const { settings, sides } = run;
  const tally = new DryRunTarget();
  const source = sourceOf(sides.source, run, progress, { tally, ...reading });
  const flow = new Flow(source, channelOf(run, settings.observation), tally, run);
  if (settings.failFast) progress.onFirstFailure = (error) => flow.stop(error);
  progress.start(startEvent(run), warnings, () => source.fraction);
  await flow.run(settings.signal);
  if (progress.isCountVoid) return undefined;
  progress.count(tally.types);
  return progress.finish();
}
