// Commands about sorted sets: ZADD (without its options), ZRANGE by place.
import type { Reply } from '../reply.ts';
import type { Session } from '../session.ts';
import { floatOf, keyOf, syntaxError, wordOf } from './argument.ts';
import type { CommandGroup } from './command.ts';
import { sliceOf } from './range.ts';

export const sortedSetCommands: CommandGroup = {
  ZADD: { least: 3, most: Infinity, run: add },
  ZRANGE: { least: 3, most: 4, run: range },
};

function add([key, ...pairs]: readonly Buffer[], { database }: Session): Reply {
  if (pairs.length % 2 === 1) throw syntaxError();
  const added = pairs.filter((_, index) => index % 2 === 0).map((score) => floatOf(score));
  const { scores } = database.open(keyOf(key), 'zset');
  const before = scores.size;
  for (const [index, score] of added.entries()) scores.set(pairs[index * 2 + 1]!.toString('latin1'), score);
  return scores.size - before;
}

function range([key, first, last, option]: readonly Buffer[], { database }: Session): Reply {
  const withScores = option !== undefined;
  if (withScores && wordOf(option) !== 'WITHSCORES') throw syntaxError();
  const ordered = [...(database.read(keyOf(key), 'zset')?.scores ?? [])].toSorted(inOrder);
  return sliceOf(ordered, first, last).flatMap(([member, score]) =>
    withScores ? [member, scoreText(score)] : [member],
  );
}

function inOrder([left, leftScore]: [string, number], [right, rightScore]: [string, number]): number {
  if (leftScore !== rightScore) return leftScore < rightScore ? -1 : 1;
  return left < right ? -1 : 1;
}

/** The shortest digits that mean the same number, as Redis writes them since 7.2. */
function scoreText(score: number): string {
  if (!Number.isFinite(score)) return score > 0 ? 'inf' : '-inf';
  return Object.is(score, -0) ? '-0' : String(score);
}
