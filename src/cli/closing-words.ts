// The closing words of Rump 1.0: everything is on the target. They are the last thing on stdout, or stand behind `rump: `.

import { isComplete, type Outcome } from './outcome.ts';
import type { OutputOptions, Streams } from './output.ts';

const CLOSING_WORDS = 'Sync done.\n';

/** Where stdout is the target, nothing may be added to it; where nothing was written, nothing was done. */
export function sayDone({ stdout, stderr }: Streams, { dryRun, toStdout }: OutputOptions, outcome: Outcome): void {
  if (!isComplete(outcome) || dryRun) return;
  if (toStdout) stderr.write(`rump: ${CLOSING_WORDS}`);
  else stdout.write(CLOSING_WORDS);
}
