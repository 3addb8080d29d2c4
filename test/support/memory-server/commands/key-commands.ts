// Commands about keys, whatever they hold: SCAN, TYPE, EXISTS, DEL, RANDOMKEY.
import { globToRegExp } from '../glob.ts';
import { CommandError, SimpleString, type Reply } from '../reply.ts';
import type { Session } from '../session.ts';
import { integerOf, keyOf, syntaxError, wordOf } from './argument.ts';
import type { CommandGroup } from './command.ts';

const DEFAULT_COUNT = 10;
const GREATEST_CURSOR = 2n ** 64n - 1n;
/** The major version. */
const SCAN_TYPE_SINCE = 6;

export const keyCommands: CommandGroup = {
  SCAN: { least: 1, most: Infinity, run: scan },
  TYPE: { least: 1, most: 1, run: ([key], { database }) => new SimpleString(database.get(keyOf(key))?.type ?? 'none') },
  EXISTS: {
    least: 1,
    most: Infinity,
    run: (keys, { database }) => keys.filter((key) => database.has(keyOf(key))).length,
  },
  DEL: {
    least: 1,
    most: Infinity,
    run: (keys, { database }) => keys.filter((key) => database.delete(keyOf(key))).length,
  },
  RANDOMKEY: { least: 0, most: 0, run: (_, { database }) => database.random() ?? null },
};

function scan([at, ...options]: readonly Buffer[], { database, server }: Session): Reply {
  const knowsType = Number.parseInt(server.version, 10) >= SCAN_TYPE_SINCE;
  const text = at!.toString('latin1');
  if (!/^\d{1,20}$/.test(text) || BigInt(text) > GREATEST_CURSOR) throw new CommandError('ERR invalid cursor');
  let count = DEFAULT_COUNT;
  let pattern: RegExp | undefined;
  let type: string | undefined;
  for (let i = 0; i < options.length; i += 2) {
    const [option, value] = [wordOf(options[i]), options[i + 1]];
    if (value === undefined) throw syntaxError();
    if (option === 'COUNT') count = integerOf(value);
    else if (option === 'MATCH') pattern = globToRegExp(keyOf(value));
    else if (option === 'TYPE' && knowsType) type = value.toString('latin1').toLowerCase();
    else throw syntaxError();
    if (count < 1) throw syntaxError();
  }
  const { cursor, keys } = database.scan(BigInt(text), count);
  const isWanted = (key: string): boolean =>
    (pattern === undefined || pattern.test(key)) && (type === undefined || database.get(key)?.type === type);
  const page = keys.filter(isWanted);
  return [cursor.toString(), server.repeats ? [...page, ...page] : page];
}
