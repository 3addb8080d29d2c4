// Chooses how a run is shown.

import type { Environment } from '../flags/environment.ts';
import type { ProgressStyle } from '../flags/sides.ts';
import { BarOutput } from './bar.ts';
import { DotsOutput } from './dots.ts';
import { JsonOutput } from './json.ts';
import type { Output, OutputOptions, Streams } from './output.ts';
import { PlainOutput } from './plain.ts';

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
      return new PlainOutput(streams, options, true);
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
      // Dots have no place on a stdout that is a list of differences.
      return options.stdoutTaken || options.differences === 'stdout'
        ? new PlainOutput(streams, options)
        : new DotsOutput(streams, options);
  }
}
