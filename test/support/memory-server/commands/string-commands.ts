// Commands about strings: SET (without its options), GET, STRLEN.
import { OK } from '../reply.ts';
import { keyOf, syntaxError } from './argument.ts';
import type { CommandGroup } from './command.ts';

export const stringCommands: CommandGroup = {
  SET: {
    least: 2,
    most: Infinity,
    run: ([key, bytes, ...options], { database }) => {
      if (options.length > 0) throw syntaxError();
      database.set(keyOf(key), { type: 'string', bytes: bytes! });
      return OK;
    },
  },
  GET: { least: 1, most: 1, run: ([key], { database }) => database.read(keyOf(key), 'string')?.bytes ?? null },
  STRLEN: { least: 1, most: 1, run: ([key], { database }) => database.read(keyOf(key), 'string')?.bytes.length ?? 0 },
};
