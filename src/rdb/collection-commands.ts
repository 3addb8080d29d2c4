// Strings, lists, sets, sorted sets and hashes as commands; their elements may come one at a time.
import { chunksOf, type ChunkLimits } from './chunks.ts';
import { command, type Command } from './command.ts';
import { PayloadError } from './payload-error.ts';
import { formatScore } from './score.ts';
import type { HashField, ZsetEntry } from '../value.ts';

const NEVER = -1;

export function* stringCommands(key: Buffer, value: Buffer, { bytes }: ChunkLimits): Generator<Command> {
  yield command('SET', key, value.subarray(0, bytes));
  for (let at = bytes; at < value.length; at += bytes) {
    yield command('APPEND', key, value.subarray(at, at + bytes));
  }
}

export function* listCommands(key: Buffer, items: Iterable<Buffer>, limits: ChunkLimits): Generator<Command> {
  for (const chunk of chunksOf(items, lengthOf, limits)) yield command('RPUSH', key, ...chunk);
}

export function* setCommands(key: Buffer, members: Iterable<Buffer>, limits: ChunkLimits): Generator<Command> {
  for (const chunk of chunksOf(members, lengthOf, limits)) yield command('SADD', key, ...chunk);
}

/** @throws PayloadError */
export function* zsetCommands(key: Buffer, entries: Iterable<ZsetEntry>, limits: ChunkLimits): Generator<Command> {
  for (const chunk of chunksOf(entries, ({ member }) => member.length, limits)) {
    yield command('ZADD', key, ...chunk.flatMap(({ score, member }) => [writableScore(score), member]));
  }
}

/**
 * An expiry that is past takes its field away, as the source would have.
 * @param expires whether the target has fields that expire
 * @throws PayloadError
 */
export function* hashCommands(
  key: Buffer,
  fields: Iterable<HashField>,
  limits: ChunkLimits,
  expires: boolean,
): Generator<Command> {
  for (const chunk of chunksOf(fields, ({ field, value }) => field.length + value.length, limits)) {
    const byExpiry = expiringIn(chunk);
    if (byExpiry.size > 0 && !expires) throw unexpiring();
    yield command('HSET', key, ...chunk.flatMap(({ field, value }) => [field, value]));
    for (const [expireAt, expiring] of byExpiry) {
      yield command('HPEXPIREAT', key, String(expireAt), 'FIELDS', String(expiring.length), ...expiring);
    }
  }
}

export function unexpiring(): PayloadError {
  return new PayloadError('Cannot write a hash by commands: fields of it expire, and the target knows no such fields');
}

/** @throws PayloadError */
export function writableScore(score: number): string {
  if (!Number.isNaN(score)) return formatScore(score);
  throw new PayloadError('Cannot write a zset by commands: a score is not a number, which ZADD takes from nobody');
}

/** The fields that expire, by when they do. */
function expiringIn(fields: readonly HashField[]): Map<number, Buffer[]> {
  const found = new Map<number, Buffer[]>();
  for (const { field, expireAt } of fields) {
    if (expireAt === NEVER) continue;
    const same = found.get(expireAt);
    if (same === undefined) found.set(expireAt, [field]);
    else same.push(field);
  }
  return found;
}

function lengthOf(element: Buffer): number {
  return element.length;
}
