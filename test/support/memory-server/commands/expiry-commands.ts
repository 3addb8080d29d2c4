// Commands about expiries: PEXPIREAT, PEXPIRETIME, PTTL, PERSIST.
import { NEVER } from '../../../../src/rdb/milliseconds.ts';
import { CommandError, type Reply } from '../reply.ts';
import type { Session } from '../session.ts';
import { integerOf, keyOf } from './argument.ts';
import type { CommandGroup } from './command.ts';

const NO_SUCH_KEY = -2;

export const expiryCommands: CommandGroup = {
  PEXPIREAT: { least: 2, most: 2, run: expireAt },
  PEXPIRETIME: { least: 1, most: 1, run: ([key], { database }) => database.expireAt(keyOf(key)) ?? NO_SUCH_KEY },
  PTTL: {
    least: 1,
    most: 1,
    run: ([key], { database }) => {
      const at = database.expireAt(keyOf(key)) ?? NO_SUCH_KEY;
      return at < 0 ? at : Math.max(0, at - Date.now());
    },
  },
  PERSIST: {
    least: 1,
    most: 1,
    run: ([arg], { database }) => {
      const key = keyOf(arg);
      if ((database.expireAt(key) ?? NEVER) === NEVER) return 0;
      database.expire(key, NEVER);
      return 1;
    },
  },
};

function expireAt([arg, time]: readonly Buffer[], { database }: Session): Reply {
  const key = keyOf(arg);
  const at = integerOf(time);
  if (!Number.isSafeInteger(at)) throw new CommandError("ERR invalid expire time in 'pexpireat' command");
  if (!database.has(key)) return 0;
  if (at <= Date.now()) database.delete(key);
  else database.expire(key, at);
  return 1;
}
