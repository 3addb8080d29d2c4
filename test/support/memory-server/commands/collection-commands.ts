// Commands about lists, sets and hashes: RPUSH, LRANGE, SADD, SMEMBERS, HSET, HGETALL.
import { type Reply } from '../reply.ts';
import type { Session } from '../session.ts';
import { keyOf, wrongArity } from './argument.ts';
import type { CommandGroup } from './command.ts';
import { sliceOf } from './range.ts';

export const collectionCommands: CommandGroup = {
  RPUSH: {
    least: 2,
    most: Infinity,
    run: ([key, ...items], { database }) => {
      const list = database.open(keyOf(key), 'list').items;
      for (const item of items) list.push(item);
      return list.length;
    },
  },
  LRANGE: {
    least: 3,
    most: 3,
    run: ([key, first, last], { database }) => sliceOf(database.read(keyOf(key), 'list')?.items ?? [], first, last),
  },
  SADD: {
    least: 2,
    most: Infinity,
    run: ([key, ...added], { database }) => {
      const { members } = database.open(keyOf(key), 'set');
      const before = members.size;
      for (const member of added) members.add(member.toString('latin1'));
      return members.size - before;
    },
  },
  SMEMBERS: {
    least: 1,
    most: 1,
    run: ([key], { database }) => [...(database.read(keyOf(key), 'set')?.members ?? [])],
  },
  HSET: { least: 3, most: Infinity, run: setFields },
  HGETALL: {
    least: 1,
    most: 1,
    run: ([key], { database }) => [...(database.read(keyOf(key), 'hash')?.fields ?? [])].flat(),
  },
};

function setFields([key, ...pairs]: readonly Buffer[], { database }: Session): Reply {
  if (pairs.length % 2 === 1) throw wrongArity('hset');
  const { fields } = database.open(keyOf(key), 'hash');
  const before = fields.size;
  for (let i = 0; i < pairs.length; i += 2) fields.set(pairs[i]!.toString('latin1'), pairs[i + 1]!);
  return fields.size - before;
}
