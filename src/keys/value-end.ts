// Whether a value that is read piece by piece comes whole: to the end that its length says. Where not, it is read once more.

import { ReplyError, RespError } from '../../resp/errors.ts';
import { formatCount } from '../../resp/figures.ts';
import type { ValuePiece } from '../rdb/value.ts';
import { demand, integerIn, type AskAbout } from '../server/replies.ts';
import { Bound, mostOf } from '../scan/cursor.ts';

/** The code of an error: the value is not what it was when its first piece was read. */
export const CHANGED = 'CHANGED';
/** The code of an error: the key is there no more. */
export const GONE = 'GONE';
/** The code of an error: a reply was longer than may be, and a page of fewer elements has a shorter one. */
export const LONG_PAGE = 'LONG_PAGE';

type Type = ValuePiece['type'];

/** Which command tells how long a value is: elements, or the bytes of a string. */
export const COUNT_COMMANDS: Readonly<Record<Type, string>> = {
  string: 'STRLEN',
  list: 'LLEN',
  set: 'SCARD',
  zset: 'ZCARD',
  hash: 'HLEN',
  stream: 'XLEN',
};

/** Elements, or bytes of a string, of which nobody asks how many there are. */
const UNASKED: Readonly<Record<Type, number>> = {
  string: 1024 * 1024,
  list: 10_000,
  set: 100_000,
  zset: 100_000,
  hash: 100_000,
  stream: 100_000,
};
/** Where a server will not say how many there are: no value has more. */
const UNTOLD = 2 ** 36;
/** How often it is read in all. */
const MOST_TRIES = 5;
/** What is worth another reading. */
const NOT_WHOLE: ReadonlySet<string> = new Set([CHANGED, LONG_PAGE]);

export class ValueEnd {
  readonly #ask: AskAbout;
  readonly #key: Buffer;
  readonly #type: Type;
  readonly #bound: Bound;
  #read = 0;

  constructor(ask: AskAbout, key: Buffer, type: Type) {
    this.#ask = ask;
    this.#key = key;
    this.#type = type;
    this.#bound = new Bound({ limit: UNASKED[type] });
  }

  /**
   * A page has come.
   * @param command what it was asked for with
   * @param size what the page counts for, if not its elements: see `sizeOfPage`
   * @throws RespError `PAYLOAD` where there is no end to it, `CHANGED` where it is a stream, which may have been written to as fast
   */
  async onPage(command: string, elements: number, size = elements): Promise<void> {
    this.#read += elements;
    this.#bound.add(size);
    if (!this.#bound.isReached) return;
    const count = await this.count();
    if (this.#bound.renew(await this.#mostOf(count))) return;
    const told = `${command} goes on beyond the ${formatCount(count ?? UNTOLD)} that ${COUNT_COMMANDS[this.#type]} tells`;
    if (this.#type === 'stream') throw new RespError(CHANGED, `It changed while it was read (${told})`);
    throw new RespError('PAYLOAD', `Cannot read the value: ${told}, and would never end`);
  }

  /** The last page has come. @throws RespError `CHANGED` where there are more elements than have come */
  async onEnd(): Promise<void> {
    const count = (await this.count()) ?? 0;
    if (count <= this.#read) return;
    const figures = `${formatCount(this.#read)} came of the ${formatCount(count)} that ${COUNT_COMMANDS[this.#type]} tells`;
    throw new RespError(CHANGED, `It changed while it was read (${figures})`);
  }

  /** How long it is by now; `undefined` where the server will not say. */
  async count(): Promise<number | undefined> {
    const command = COUNT_COMMANDS[this.#type];
    const [reply] = await demand(this.#ask, [[command, this.#key]], [command]);
    return reply instanceof ReplyError ? undefined : Number(integerIn(reply, command, 0));
  }

  async #mostOf(count: number | undefined): Promise<number> {
    switch (this.#type) {
      case 'string':
      case 'list':
        return count ?? UNTOLD;
      case 'stream':
        // What a stream says of itself may be wrong, and it grows at its end.
        return 2 * (count ?? UNTOLD) + UNASKED.stream;
      default:
        return mostOf('value', count, await this.#memory());
    }
  }

  async #memory(): Promise<number | undefined> {
    const [reply] = await demand(this.#ask, [['MEMORY USAGE', this.#key]], ['MEMORY USAGE']);
    return typeof reply === 'number' ? reply : undefined;
  }
}

/**
 * @param read begins anew each time; where pages were too long, with smaller ones
 * @param others further codes of errors behind which it may fare better the next time
 * @throws what `read` throws; `CHANGED`, `LONG_PAGE` and the others only when it did so each time
 */
export async function untilWhole<T>(read: () => Promise<T>, ...others: readonly string[]): Promise<T> {
  const passing: ReadonlySet<string> = new Set([...NOT_WHOLE, ...others]);
  for (let tries = 1; ; tries++) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof RespError) || !passing.has(error.code)) throw error;
      if (tries === MOST_TRIES) throw new RespError(error.code, `${error.message}, ${MOST_TRIES} times in a row`);
    }
  }
}

/** The same also where connections are lost meanwhile. How often it is read again, whoever reads it decides: in the end it may not be. */
export async function untilRead<T>(read: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await untilWhole(read);
    } catch (error) {
      if (!(error instanceof RespError) || !error.retryable) throw error;
    }
  }
}

/** Whether it was read as often as it is worth trying, and did not come whole. */
export function isNeverWhole(error: unknown): boolean {
  return error instanceof RespError && NOT_WHOLE.has(error.code);
}
