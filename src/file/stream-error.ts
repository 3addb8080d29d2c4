// A stream of frames that cannot be followed any further, and at which byte; `code` is `STREAM`.

import { RespError, type RespErrorOptions } from '../../resp/errors.ts';

export class StreamError extends RespError {
  override readonly name = 'StreamError';
  /** Where the broken frame begins, in bytes from the start: of the file, or of what was packed in it. */
  readonly offset: number;

  constructor(message: string, offset: number, options: RespErrorOptions = {}) {
    super('STREAM', message, options);
    this.offset = offset;
  }
}
