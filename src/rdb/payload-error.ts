// The error for a payload that cannot be decoded, or a value that commands cannot write. It never holds a byte of a value.
import { RespError } from '../../resp/errors.ts';

export interface PayloadErrorOptions {
  /** Where in the bytes that were to be decoded, from 0; of what is packed inside a string, where that begins. */
  readonly offset?: number | undefined;
}

/** `code` is `PAYLOAD`; the message names the type of the value and the byte. */
export class PayloadError extends RespError {
  override readonly name = 'PayloadError';
  readonly offset: number | undefined;

  constructor(message: string, { offset }: PayloadErrorOptions = {}) {
    super('PAYLOAD', message);
    this.offset = offset;
  }
}
