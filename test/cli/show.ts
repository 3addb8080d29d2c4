// An output as the command line opens it, on a screen that remembers.
import type { ProgressStyle } from '../../src/cli/command-line.ts';
import { openOutput } from '../../src/cli/open-output.ts';
import type { Output, OutputOptions } from '../../src/cli/output.ts';
import { Screen } from './screen.ts';

export const OPTIONS: OutputOptions = { debug: false, dryRun: false, toStdout: false };

export function show(
  style: ProgressStyle,
  isTTY = false,
  options: Partial<OutputOptions> = {},
): { screen: Screen; output: Output } {
  const screen = new Screen(isTTY);
  return { screen, output: openOutput(style, { ...OPTIONS, ...options }, screen, {}) };
}
