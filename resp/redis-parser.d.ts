// The part of redis-parser 3.0.0 that the decoder stands on; the fields are its own, and the decoder's tests guard them.
declare module 'redis-parser' {
  interface Options {
    returnReply(reply: unknown): void;
    returnError(error: Error): void;
    returnFatalError(error: Error): void;
    returnBuffers: boolean;
  }

  class RedisParser {
    constructor(options: Options);
    execute(chunk: Buffer): void;
    reset(): void;
    /** Asked at each integer, of which `offset` is the first digit: whether it becomes a string. */
    get optionStringNumbers(): boolean;
    set optionStringNumbers(value: boolean);
    /** The chunk in work, `null` between two replies. */
    readonly buffer: Buffer | null;
    /** Where in `buffer` the parser stands. */
    readonly offset: number;
    /** End of an unfinished bulk string with its CRLF, counted from the start of `buffer`; 0 when there is none. */
    readonly bigStrSize: number;
    /** Unfinished arrays, outermost last. */
    readonly arrayCache: readonly (readonly unknown[])[];
  }

  export = RedisParser;
}
