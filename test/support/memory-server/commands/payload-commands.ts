// DUMP and RESTORE: a value as one piece of bytes, and back. The checks of RESTORE come in the order that Redis has.
import { NEVER } from '../../../../src/rdb/milliseconds.ts';
import type { Value } from '../keyspace/value.ts';
import { PayloadError } from '../../../../src/rdb/payload.ts';
import { decodePayload, encodePayload, isSoundPayload } from '../payload.ts';
import { CommandError, OK, type Reply } from '../reply.ts';
import type { Session } from '../session.ts';
import { integerOf, keyOf, syntaxError, wordOf } from './argument.ts';
import type { CommandGroup } from './command.ts';

const HIGHEST_FREQUENCY = 255;

export const payloadCommands: CommandGroup = {
  DUMP: {
    least: 1,
    most: 1,
    run: ([key], { database }) => {
      const value = database.get(keyOf(key));
      return value === undefined ? null : encodePayload(value);
    },
  },
  RESTORE: { least: 3, most: Infinity, run: restore },
};

function restore([arg, ttlArg, payload, ...words]: readonly Buffer[], { database }: Session): Reply {
  const key = keyOf(arg);
  const { replace, absolute } = optionsOf(words);
  if (!replace && database.has(key)) throw new CommandError('BUSYKEY Target key name already exists.');
  const ttl = integerOf(ttlArg);
  if (ttl < 0 || !Number.isSafeInteger(ttl)) throw new CommandError('ERR Invalid TTL value, must be >= 0');
  if (!isSoundPayload(payload!)) throw new CommandError('ERR DUMP payload version or checksum are wrong');
  const value = valueIn(payload!);
  const now = Date.now();
  const expireAt = ttl === 0 ? NEVER : absolute ? ttl : ttl + now;
  if (expireAt === NEVER || expireAt > now) database.set(key, value, expireAt);
  else database.delete(key);
  return OK;
}

function valueIn(payload: Buffer): Value {
  try {
    return decodePayload(payload);
  } catch (error) {
    if (error instanceof PayloadError) throw new CommandError('ERR Bad data format');
    throw error;
  }
}

/** IDLETIME and FREQ are checked; nothing here is ever evicted by them. */
function optionsOf(words: readonly Buffer[]): { readonly replace: boolean; readonly absolute: boolean } {
  const options = { replace: false, absolute: false };
  let eviction: string | undefined;
  for (let i = 0; i < words.length; i += 1) {
    const word = wordOf(words[i]);
    const value = words[i + 1];
    if (word === 'REPLACE') options.replace = true;
    else if (word === 'ABSTTL') options.absolute = true;
    else if ((word === 'IDLETIME' || word === 'FREQ') && value !== undefined && (eviction ?? word) === word) {
      const number = integerOf(value);
      if (word === 'IDLETIME' && number < 0) throw new CommandError('ERR Invalid IDLETIME value, must be >= 0');
      if (word === 'FREQ' && (number < 0 || number > HIGHEST_FREQUENCY)) {
        throw new CommandError('ERR Invalid FREQ value, must be >= 0 and <= 255');
      }
      eviction = word;
      i += 1;
    } else throw syntaxError();
  }
  return options;
}
