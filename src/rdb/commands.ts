// A value as the native commands that write it into a key that is not there: for a server that refuses the payload.
import type { Ability } from './ability.ts';
import { DEFAULT_LIMITS, type ChunkLimits } from './chunks.ts';
import {
  hashCommands,
  listCommands,
  setCommands,
  stringCommands,
  unexpiring,
  writableScore,
  zsetCommands,
} from './collection-commands.ts';
import type { Command } from './command.ts';
import { PayloadError } from './payload-error.ts';
import { streamCommands } from './stream-commands.ts';
import type { Value, ValueType } from '../value.ts';

export interface CommandOptions {
  /** What the target can do. Where `streamFigures` is missing they are left out; other things cannot be left out. */
  readonly abilities: ReadonlySet<Ability>;
  readonly limits?: ChunkLimits;
}

const NEVER = -1;

/**
 * The key must not exist before, and is whole only after the last command; its expiry, and a name under which nobody
 * sees it half written, are for the caller to see to. If all fields of a hash have expired, there is no key in the end.
 * @throws PayloadError, before the first command, for what no command or not this target can write
 */
export function commandsOf(key: Buffer, value: Value, options: CommandOptions): Generator<Command> {
  const { abilities, limits = DEFAULT_LIMITS } = options;
  demandWritable(value, abilities);
  switch (value.type) {
    case 'string':
      return stringCommands(key, value.value, limits);
    case 'list':
      return listCommands(key, value.items, limits);
    case 'set':
      return setCommands(key, value.members, limits);
    case 'zset':
      return zsetCommands(key, value.entries, limits);
    case 'hash':
      return hashCommands(key, value.fields, limits, abilities.has('fieldExpiry'));
    case 'stream':
      return streamCommands(key, value, limits, abilities.has('streamFigures'));
    default:
      throw unwritable(value.type, 'the module alone can read it');
  }
}

function demandWritable(value: Value, abilities: ReadonlySet<Ability>): void {
  switch (value.type) {
    case 'list':
      return demandElements(value.type, value.items.length);
    case 'set':
      return demandElements(value.type, value.members.length);
    case 'zset':
      demandElements(value.type, value.entries.length);
      for (const { score } of value.entries) writableScore(score);
      return;
    case 'hash':
      demandElements(value.type, value.fields.length);
      if (!abilities.has('fieldExpiry') && value.fields.some(({ expireAt }) => expireAt !== NEVER)) throw unexpiring();
      return;
    case 'stream':
      if (!abilities.has('streams')) throw unwritable(value.type, 'the target knows no streams');
      return;
    default:
  }
}

/** There are no empty keys; without this one would vanish unnoticed. */
function demandElements(type: ValueType, count: number): void {
  if (count === 0) throw unwritable(type, 'it is empty');
}

function unwritable(type: ValueType, why: string): PayloadError {
  return new PayloadError(`Cannot write a ${type} by commands: ${why}`);
}
