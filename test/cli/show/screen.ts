// stdout and stderr that record what is written, each alone and both together, as a terminal shows them.
import type { ProgressStyle } from '../../../src/cli/flags/sides.ts';
import { openOutput } from '../../../src/cli/run.ts';
import type { Output, OutputOptions, Streams } from '../../../src/cli/show/output.ts';

export const OPTIONS: OutputOptions = { debug: false, dryRun: false, stdoutTaken: false, differences: 'stderr' };

export class Screen implements Streams {
  all = '';
  readonly stdout;
  readonly stderr;

  constructor(isTTY: boolean, columns?: number) {
    this.stdout = this.#stream(isTTY, undefined);
    this.stderr = this.#stream(isTTY, columns);
  }

  #stream(isTTY: boolean, columns: number | undefined) {
    const stream = {
      isTTY,
      columns,
      text: '',
      write: (text: string): void => {
        stream.text += text;
        this.all += text;
      },
    };
    return stream;
  }
}

/** An output as the command line opens it. */
export function show(
  style: ProgressStyle,
  isTTY = false,
  options: Partial<OutputOptions> = {},
): { screen: Screen; output: Output } {
  const screen = new Screen(isTTY);
  return { screen, output: openOutput(style, { ...OPTIONS, ...options }, screen, {}) };
}
