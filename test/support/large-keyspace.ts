// One large value of every type, with what makes each of them hard to carry, and the name that it has on the way.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from './client.ts';
import type { Argument } from './frames.ts';
import type { RunningRump } from './rump.ts';

/** Every value of `fillLarge` is above it. */
export const BIG_KEY = ['--big-key', '1M'];

export const LARGE_TYPES = ['string', 'list', 'set', 'zset', 'hash', 'stream'] as const;

export type LargeType = (typeof LARGE_TYPES)[number];

/** 2100-01-01T00:00:00.123Z. */
const FAR_AWAY = 4_102_444_800_123;
const ELEMENTS = 17_000;
/** Entries of a command. */
const BATCH = 100;

/** `large:TYPE` for each, of 1.1 MB at least, which no compression makes shorter. */
export async function fillLarge(client: TestClient, types: readonly LargeType[] = LARGE_TYPES): Promise<void> {
  for (const type of types) await client.pipeline(commandsOf(type));
  if (types.includes('stream')) await addGroups(client);
  if (types.includes('hash')) await client.send('PEXPIREAT', 'large:hash', FAR_AWAY);
}

function commandsOf(type: LargeType): Argument[][] {
  const key = `large:${type}`;
  switch (type) {
    case 'string':
      return [['SET', key, randomBytes(1_500_000)]];
    case 'list':
      return batches((i) => [`${i}:${noise()}`]).map((items) => ['RPUSH', key, ...items]);
    case 'set':
      return batches((i) => [`${i}:${noise()}`]).map((members) => ['SADD', key, ...members]);
    case 'zset':
      return batches((i) => [i % 7 === 0 ? '-inf' : i / 3, `${i}:${noise()}`]).map((pairs) => ['ZADD', key, ...pairs]);
    case 'hash':
      return batches((i) => [`field:${i}`, noise()]).map((fields) => ['HSET', key, ...fields]);
    default:
      return Array.from({ length: ELEMENTS }, (_, i) => ['XADD', key, `${i + 1}-${i % 3}`, 'field', noise()]);
  }
}

/** Entries that are pending, some of them gone, and a consumer that has none. */
async function addGroups(client: TestClient): Promise<void> {
  const key = 'large:stream';
  await client.pipeline([
    ['XGROUP', 'CREATE', key, 'readers', 0],
    ['XREADGROUP', 'GROUP', 'readers', 'busy', 'COUNT', 1500, 'STREAMS', key, '>'],
    ['XDEL', key, '3-2', '700-0', `${ELEMENTS}-1`],
    ['XGROUP', 'CREATE', key, 'others', '$'],
    ['XREADGROUP', 'GROUP', 'others', 'idle', 'COUNT', 1, 'STREAMS', key, '>'],
  ]);
}

function batches(elementsOf: (index: number) => Argument[]): Argument[][] {
  return Array.from({ length: ELEMENTS / BATCH }, (_, batch) =>
    Array.from({ length: BATCH }, (_, i) => elementsOf(batch * BATCH + i)).flat(),
  );
}

function noise(): string {
  return randomBytes(40).toString('hex');
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
