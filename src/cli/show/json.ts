// One JSON object a line on stdout, for programs. stderr gets the error that ended the run, if one did.

import { EventLines, type Asked } from './event-lines.ts';
import type { Outcome, Output, OutputOptions, RunEvent, Streams } from './output.ts';
import { describeFaults } from './report.ts';
import { escapeControls } from '../../../resp/escapes.ts';
import { errorText } from './texts.ts';

export class JsonOutput implements Output {
  readonly #streams: Streams;
  readonly #debug: boolean;
  readonly #lines: EventLines;

  /** @param now milliseconds since 1970 */
  constructor(streams: Streams, { debug, ...asked }: Pick<OutputOptions, 'debug'> & Asked, now?: () => number) {
    this.#streams = streams;
    this.#debug = debug;
    this.#lines = new EventLines((line) => streams.stdout.write(line), asked, now);
  }

  onEvent(event: RunEvent): void {
    this.#lines.onEvent(event);
  }

  onInterrupt(): void {}

  onCutover(): void {}

  finish(outcome: Outcome): void {
    const { stderr } = this.#streams;
    if ('error' in outcome) {
      this.#lines.onError(outcome.error);
      stderr.write(errorText(outcome.error, this.#debug));
    } else {
      for (const fault of describeFaults(outcome)) stderr.write(`rump: ${escapeControls(fault)}\n`);
    }
  }
}
