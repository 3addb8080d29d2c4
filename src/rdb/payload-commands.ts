// A payload as native commands, without a value between: for those too large to be held as one.
import type { ByteReader } from './byte-reader.ts';
import { DEFAULT_LIMITS } from './chunks.ts';
import { hashCommands, listCommands, setCommands, zsetCommands } from './collection-commands.ts';
import type { Command } from './command.ts';
import { commandsOf, type CommandOptions } from './commands.ts';
import { decodePayload, demandEnd, openPayload } from './decode.ts';
import { hashFields } from './decode-hash.ts';
import { listItems } from './decode-list.ts';
import { setMembers } from './decode-set.ts';
import { zsetEntries } from './decode-zset.ts';
import { typeOfEncoding, type Encoding } from './type-byte.ts';

/**
 * As `commandsOf`, but the elements are not held at once: they take many times the memory that the payload does. Streams
 * are held nonetheless.
 * @throws PayloadError, also behind the first command
 */
export function* payloadCommands(key: Buffer, payload: Buffer, options: CommandOptions): Generator<Command> {
  const { reader, encoding } = openPayload(payload);
  const commands = elementCommands(key, reader, encoding, options);
  if (commands === undefined) {
    yield* commandsOf(key, decodePayload(payload), options);
    return;
  }
  let isEmpty = true;
  for (const command of commands) {
    isEmpty = false;
    yield command;
  }
  demandEnd(reader);
  if (isEmpty) throw reader.fail('it is empty');
}

/** @returns undefined for what has no elements, or such as depend on one another */
function elementCommands(
  key: Buffer,
  reader: ByteReader,
  encoding: Encoding,
  { abilities, limits = DEFAULT_LIMITS }: CommandOptions,
): Generator<Command> | undefined {
  switch (typeOfEncoding(encoding)) {
    case 'list':
      return listCommands(key, listItems(reader, encoding), limits);
    case 'set':
      return setCommands(key, setMembers(reader, encoding), limits);
    case 'zset':
      return zsetCommands(key, zsetEntries(reader, encoding), limits);
    case 'hash':
      return hashCommands(key, hashFields(reader, encoding), limits, abilities.has('fieldExpiry'));
    default:
      return undefined;
  }
}
