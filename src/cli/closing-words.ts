// The closing words of a run that went well, those of Rump 1.0 for a copy: the last thing on stdout, or behind `rump: `.

import { isComplete, type Outcome } from './outcome.ts';
import type { OutputOptions, Streams } from './output.ts';

const COPIED = 'Sync done.\n';
const COMPARED = 'Both sides are equal.\n';

/** Where stdout is taken, nothing may be added to it; where nothing was written, nothing was done. */
export function sayDone({ stdout, stderr }: Streams, { dryRun, toStdout }: OutputOptions, outcome: Outcome): void {
  if (!isComplete(outcome) || dryRun) return;
  const words = 'result' in outcome ? COPIED : COMPARED;
  if (toStdout) stderr.write(`rump: ${words}`);
  else stdout.write(words);
}
