// A command line, an environment or a password file that cannot be used as it is.

import { RespError } from '../../resp/errors.ts';

/** `code` is `USAGE`. */
export class UsageError extends RespError {
  override readonly name = 'UsageError';

  constructor(message: string, hint?: string, cause?: unknown) {
    super('USAGE', message, { hint, cause });
  }
}
