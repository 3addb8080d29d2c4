// The commands that write a value or a payload into a key, all of them at once.
import { type ChunkLimits, payloadPieces } from '../../../src/rdb/pieces.ts';
import { type Command, ValueCommands, type CommandOptions } from '../../../src/rdb/commands.ts';
import { encodePayload } from '../../../src/rdb/encode.ts';
import type { Value } from '../../../src/rdb/value.ts';

export interface AllCommandsOptions extends CommandOptions {
  readonly limits?: ChunkLimits;
}

export function commandsOf(key: Buffer, value: Value, options: AllCommandsOptions): Command[] {
  const lacksFigures = value.type === 'stream' && value.entriesAdded === undefined;
  return payloadCommands(key, encodePayload(value, lacksFigures ? 9 : 12), options);
}

export function payloadCommands(key: Buffer, payload: Buffer, options: AllCommandsOptions): Command[] {
  const writer = new ValueCommands(key, options);
  const commands: Command[] = [];
  for (const piece of payloadPieces(payload, options.limits)) commands.push(...writer.write(piece));
  return [...commands, ...writer.end()];
}
