// Whether a value that is read piece by piece comes to the end that its length says: neither far behind it, nor before.

import { ReplyError, RespError } from '../../resp/errors.ts';
import { formatCount } from '../../resp/figures.ts';
import type { ValuePiece } from '../rdb/value.ts';
import { demand, type AskAbout } from '../server/ask-about.ts';
import { Bound, mostOf } from '../scan/bound.ts';
import { COUNT_COMMANDS } from './count-commands.ts';
import { integerIn } from '../server/reply-shapes.ts';

/** The code of an error: the value is not what it was when its first piece was read. */
export const CHANGED = 'CHANGED';

type Type = ValuePiece['type'];

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
    this.#bound = new Bound(UNASKED[type]);
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
    const count = await this.#count();
    if (this.#bound.renew(await this.#mostOf(count))) return;
    const told = `${command} goes on beyond the ${formatCount(count ?? UNTOLD)} that ${COUNT_COMMANDS[this.#type]} tells`;
    if (this.#type === 'stream') throw new RespError(CHANGED, `It changed while it was read (${told})`);
    throw new RespError('PAYLOAD', `Cannot read the value: ${told}, and would never end`);
  }

  /** The last page has come. @throws RespError `CHANGED` where there are more elements than have come */
  async onEnd(): Promise<void> {
    const count = (await this.#count()) ?? 0;
    if (count <= this.#read) return;
    const figures = `${formatCount(this.#read)} came of the ${formatCount(count)} that ${COUNT_COMMANDS[this.#type]} tells`;
    throw new RespError(CHANGED, `It changed while it was read (${figures})`);
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

  /** `undefined` where the server will not say. */
  async #count(): Promise<number | undefined> {
    const command = COUNT_COMMANDS[this.#type];
    const [reply] = await demand(this.#ask, [[command, this.#key]], [command]);
    return reply instanceof ReplyError ? undefined : Number(integerIn(reply, command, 0));
  }

  async #memory(): Promise<number | undefined> {
    const [reply] = await demand(this.#ask, [['MEMORY USAGE', this.#key]], ['MEMORY USAGE']);
    return typeof reply === 'number' ? reply : undefined;
  }
}
