// One large value of every type, with what makes each of them hard to carry, and the name that it has on the way.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from './client.ts';
import type { Argument } from './frames.ts';
import type { RunningRump } from './rump.ts';

/** Every value of `fillLarge` is above it. */
export const BIG_KEY = ['--big-key', '300k'];

export const LARGE_TYPES = ['string', 'list', 'set', 'zset', 'hash', 'stream'] as const;

export type LargeType = (typeof LARGE_TYPES)[number];

/** 2100-01-01T00:00:00.123Z. */
const FAR_AWAY = 4_102_444_800_123;
const ELEMENTS = 5000;
const STRING_BYTES = 450_000;
/** For `fillLarge`: every value is above 1 MiB. */
export const FOUR_TIMES = 4;
/** Entries of a command. */
const BATCH = 100;
const NOISE_LENGTH = 80;

let noises = '';
let noiseAt = 0;

/** `large:TYPE` for each, of 400 kB at least or so many times as much, half of which no compression takes away. */
export async function fillLarge(
  client: TestClient,
  types: readonly LargeType[] = LARGE_TYPES,
  times: 1 | typeof FOUR_TIMES = 1,
): Promise<void> {
  const count = ELEMENTS * times;
  for (const type of types) await client.pipeline(commandsOf(type, count, STRING_BYTES * times));
  if (types.includes('stream')) await addGroups(client, count);
  if (types.includes('hash')) await client.send('PEXPIREAT', 'large:hash', FAR_AWAY);
}

function commandsOf(type: LargeType, count: number, bytes: number): Argument[][] {
  const batches = (elementsOf: (index: number) => Argument[]): Argument[][] => batchesOf(count, elementsOf);
  const key = `large:${type}`;
  switch (type) {
    case 'string':
      return [['SET', key, randomBytes(bytes)]];
    case 'list':
      return batches((i) => [`${i}:${noise()}`]).map((items) => ['RPUSH', key, ...items]);
    case 'set':
      return batches((i) => [`${i}:${noise()}`]).map((members) => ['SADD', key, ...members]);
    case 'zset':
      return batches((i) => [i % 7 === 0 ? '-inf' : i / 3, `${i}:${noise()}`]).map((pairs) => ['ZADD', key, ...pairs]);
    case 'hash':
      return batches((i) => [`field:${i}`, noise()]).map((fields) => ['HSET', key, ...fields]);
    default:
      return Array.from({ length: count }, (_, i) => ['XADD', key, `${i + 1}-${i % 3}`, 'field', noise()]);
  }
}

/** Entries that are pending, some of them gone, and a consumer that has none. */
async function addGroups(client: TestClient, count: number): Promise<void> {
  const key = 'large:stream';
  await client.pipeline([
    ['XGROUP', 'CREATE', key, 'readers', 0],
    ['XREADGROUP', 'GROUP', 'readers', 'busy', 'COUNT', 1500, 'STREAMS', key, '>'],
    ['XDEL', key, '3-2', '700-0', `${count}-1`],
    ['XGROUP', 'CREATE', key, 'others', '$'],
    ['XREADGROUP', 'GROUP', 'others', 'idle', 'COUNT', 1, 'STREAMS', key, '>'],
  ]);
}

function batchesOf(count: number, elementsOf: (index: number) => Argument[]): Argument[][] {
  return Array.from({ length: count / BATCH }, (_, batch) =>
    Array.from({ length: BATCH }, (_, i) => elementsOf(batch * BATCH + i)).flat(),
  );
}

/** Asking the system for it takes longer than all that is done with it: it is asked once for many. */
function noise(): string {
  if (noiseAt === noises.length) [noises, noiseAt] = [randomBytes((NOISE_LENGTH / 2) * BATCH).toString('hex'), 0];
  noiseAt += NOISE_LENGTH;
  return noises.slice(noiseAt - NOISE_LENGTH, noiseAt);
}

/** The name under which a value is being built. */
export async function temporaryKey(running: RunningRump, to: TestClient): Promise<Buffer> {
  for (;;) {
    const [name] = (await to.send('KEYS', 'rump:tmp:*')) as Buffer[];
    if (name !== undefined) return name;
    assert.equal(running.child.exitCode, null, running.stderr);
    await sleep(2);
  }
}

export async function assertNothingLeft(client: TestClient): Promise<void> {
  const names = ((await client.send('KEYS', 'rump:*')) as Buffer[]).map(String);
  assert.deepEqual(names, []);
}
