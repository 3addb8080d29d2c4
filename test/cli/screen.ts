// stdout and stderr that remember what was written: each alone, and both as one terminal would show them.
import type { Streams } from '../../src/cli/output.ts';

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
