// Strings, lists, sets, sorted sets and hashes as commands, a piece at a time.
import type { HashField, ZsetEntry } from './value.ts';
import { command, type Command } from './command.ts';
import { PayloadError } from './payload-error.ts';
import { formatScore } from './score.ts';
import { NEVER, type Milliseconds } from './milliseconds.ts';

/** @throws PayloadError */
export function zaddCommand(key: Buffer, entries: readonly ZsetEntry[]): Command {
  return command('ZADD', key, ...entries.flatMap(({ score, member }) => [writableScore(score), member]));
}

/**
 * An expiry that is past takes its field away, as the source would have.
 * @param expires whether the target has fields that expire
 * @throws PayloadError
 */
export function* hashCommands(key: Buffer, fields: readonly HashField[], expires: boolean): Generator<Command> {
  const byExpiry = expiringIn(fields);
  if (byExpiry.size > 0 && !expires) {
    throw new PayloadError('Cannot write a hash by commands: fields of it expire, and the target knows no such fields');
  }
  yield command('HSET', key, ...fields.flatMap(({ field, value }) => [field, value]));
  for (const [expireAt, expiring] of byExpiry) {
    yield command('HPEXPIREAT', key, String(expireAt), 'FIELDS', String(expiring.length), ...expiring);
  }
}

function writableScore(score: number): string {
  if (!Number.isNaN(score)) return formatScore(score);
  throw new PayloadError('Cannot write a zset by commands: a score is not a number, which ZADD takes from nobody');
}

/** The fields that expire, by when they do. */
function expiringIn(fields: readonly HashField[]): Map<Milliseconds, Buffer[]> {
  const found = new Map<Milliseconds, Buffer[]>();
  for (const { field, expireAt } of fields) {
    if (expireAt === NEVER) continue;
    const same = found.get(expireAt);
    if (same === undefined) found.set(expireAt, [field]);
    else same.push(field);
  }
  return found;
}
