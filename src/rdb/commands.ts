// A value as the native commands that write it into a key that is not there: for a server that cannot have the payload.
import type { ValuePiece } from './value.ts';
import type { Ability } from './ability.ts';
import { DEFAULT_LIMITS, type ChunkLimits } from './chunks.ts';
import { hashCommands, zaddCommand } from './collection-commands.ts';
import { command, type Command } from './command.ts';
import { PayloadError } from './payload-error.ts';
import { beginStream, endStream, entryCommands } from './stream-commands.ts';
import type { StreamHead } from './value.ts';

export interface CommandOptions {
  /** What the target can do. Where `streamFigures` is missing they are left out; other things cannot be left out. */
  readonly abilities: ReadonlySet<Ability>;
  /** Of the commands about what is pending in a stream; the pieces themselves are as large as they come. */
  readonly limits?: ChunkLimits;
}

/**
 * The key must not exist before, and is whole only behind `end`; its expiry, and a name under which nobody sees it half
 * written, are for the caller to see to. If all fields of a hash have expired, there is no key in the end.
 */
export class ValueCommands {
  readonly #key: Buffer;
  readonly #options: CommandOptions;
  #isBegun = false;
  #stream: StreamHead | undefined;

  constructor(key: Buffer, options: CommandOptions) {
    this.#key = key;
    this.#options = options;
  }

  /** @throws PayloadError for what no command or not this target can write */
  *write(piece: ValuePiece): Generator<Command> {
    const isFirst = !this.#isBegun;
    this.#isBegun = true;
    switch (piece.type) {
      case 'string':
        yield command(isFirst ? 'SET' : 'APPEND', this.#key, piece.value);
        return;
      case 'list':
        yield command('RPUSH', this.#key, ...piece.items);
        return;
      case 'set':
        yield command('SADD', this.#key, ...piece.members);
        return;
      case 'zset':
        yield zaddCommand(this.#key, piece.entries);
        return;
      case 'hash':
        yield* hashCommands(this.#key, piece.fields, this.#options.abilities.has('fieldExpiry'));
        return;
      default:
        if (isFirst) yield* this.#beginStream(piece.head);
        yield* entryCommands(this.#key, piece.entries);
    }
  }

  /** What comes behind the last piece. */
  *end(): Generator<Command> {
    const { abilities, limits = DEFAULT_LIMITS } = this.#options;
    if (this.#stream !== undefined) yield* endStream(this.#key, this.#stream, limits, abilities.has('streamFigures'));
  }

  #beginStream(head: StreamHead): Generator<Command> {
    const { abilities, limits = DEFAULT_LIMITS } = this.#options;
    if (!abilities.has('streams')) {
      throw new PayloadError('Cannot write a stream by commands: the target knows no streams');
    }
    this.#stream = head;
    return beginStream(this.#key, head, limits);
  }
}
