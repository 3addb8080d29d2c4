// What a command answers, before it is bytes.

/** Strings are bulk strings, a character a byte; numbers are integers; `null` is the null bulk string. */
export type Reply = SimpleString | CommandError | Buffer | string | number | null | readonly Reply[];

export class SimpleString {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** An error reply, in Redis' own words: commands throw it. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

export const OK: SimpleString = new SimpleString('OK');
