// Chooses how a run is shown.

import { BarOutput } from './bar-output.ts';
import type { ProgressStyle } from './command-line.ts';
import { DotsOutput } from './dots-output.ts';
import type { Environment } from './environment.ts';
import { JsonOutput } from './json-output.ts';
import type { Output, Streams } from './output.ts';
import { PlainOutput } from './plain-output.ts';
import { SilentOutput } from './silent-output.ts';

export interface OutputOptions {
  readonly progress: ProgressStyle;
  readonly debug: boolean;
}

export function openOutput({ progress, debug }: OutputOptions, streams: Streams, environment: Environment): Output {
  // A bar is redrawn in place, which a file and a dumb terminal cannot do.
  const canRedraw = streams.stderr.isTTY === true && environment['TERM'] !== 'dumb';
  switch (progress) {
    case 'silent':
      return new SilentOutput(streams.stderr, debug);
    case 'json':
      return new JsonOutput(streams, debug);
    case 'dots':
      return new DotsOutput(streams, debug);
    case 'none':
      return new PlainOutput(streams, debug);
    case 'bar':
      return canRedraw ? new BarOutput(streams, debug) : new PlainOutput(streams, debug);
    default:
      return canRedraw ? new BarOutput(streams, debug) : new DotsOutput(streams, debug);
  }
}
