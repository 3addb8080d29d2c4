// Chooses how a run is shown.

import { BarOutput } from './bar-output.ts';
import type { ProgressStyle } from './command-line.ts';
import { DotsOutput } from './dots-output.ts';
import type { Environment } from './environment.ts';
import { JsonOutput } from './json-output.ts';
import type { Output, OutputOptions, Streams } from './output.ts';
import { PlainOutput } from './plain-output.ts';
import { SilentOutput } from './silent-output.ts';

export function openOutput(
  progress: ProgressStyle,
  options: OutputOptions,
  streams: Streams,
  environment: Environment,
): Output {
  // A bar is redrawn in place, which a file and a dumb terminal cannot do.
  const canRedraw = streams.stderr.isTTY === true && environment['TERM'] !== 'dumb';
  switch (progress) {
    case 'silent':
      return new SilentOutput(streams.stderr, options);
    case 'json':
      return new JsonOutput(streams, options);
    case 'dots':
      return new DotsOutput(streams, options);
    case 'none':
      return new PlainOutput(streams, options);
    case 'bar':
      return canRedraw ? new BarOutput(streams, options) : new PlainOutput(streams, options);
    default:
      if (canRedraw) return new BarOutput(streams, options);
      // The stdout of a check is the list of differences, and nothing stands in between.
      return options.toStdout || options.task === 'check'
        ? new PlainOutput(streams, options)
        : new DotsOutput(streams, options);
  }
}
