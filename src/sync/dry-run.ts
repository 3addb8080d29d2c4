// A dry run: what a copy would bring is read and counted, and nothing is written. Counts cannot be taken back: where what was
// counted comes once more, all of it is counted anew.

import { RespError } from '../../resp/errors.ts';
import { DryRunTarget } from '../target/target.ts';
import { channelOf, Flow, sourceOf } from './flow.ts';
import type { MigrateResult } from './options.ts';
import { startEvent, type Run } from './preflight.ts';
import type { Progress } from './progress.ts';
import type { Warning } from './warnings.ts';

/** A source that was replaced so often while it was counted will be replaced again. */
const MOST_COUNTS = 5;

/** @throws RespError where the source is replaced again and again */
export async function countAll(
  run: Run,
  warnings: readonly Warning[],
  progress: Progress,
  bigKey: number,
): Promise<MigrateResult> {
  const { settings, sides } = run;
  settings.controls.show('copying');
  try {
    for (let count = 0; count < MOST_COUNTS; count++) {
      const tally = new DryRunTarget();
      const isAnew = count > 0;
      const source = sourceOf(sides.source, run, progress, { tally, bigKey, plainly: isAnew });
      const flow = new Flow(source, channelOf(run, settings.observation), tally, run);
      if (settings.failFast) progress.onFirstFailure = (error) => flow.stop(error);
      progress.start(startEvent(run), isAnew ? [] : warnings, () => source.fraction);
      await flow.run(settings.signal);
      if (!progress.isCountVoid) {
        progress.count(tally.types);
        return progress.finish();
      }
      progress.beginAnew();
    }
    throw new RespError(
      'SOURCE_REPLACED',
      `Gave up on the source: it was replaced ${MOST_COUNTS} times while it was counted`,
      {
        hint: 'count it once it is at rest',
        retryable: true,
      },
    );
  } catch (error) {
    settings.controls.stop();
    progress.stop();
    throw error;
  }
}
