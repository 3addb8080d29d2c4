// Whether a copy is a true one: all keys by their number, and a random sample of them by value and expiry.
import { isDeepStrictEqual } from 'node:util';
import type { Reply, TestClient } from '../support/client.ts';
import type { Argument } from '../support/frames.ts';
import type { Site } from './site.ts';

/** Both sides are asked one after the other, and what is left of an expiry shrinks meanwhile. */
const EXPIRY_TOLERANCE_MS = 1000;

export async function compareSizes(source: Site, target: Site): Promise<void> {
  const [there, here] = await Promise.all([sizeOf(source), sizeOf(target)]);
  if (there !== here) throw new Error(`Wrong copy: ${there} keys at the source, ${here} at the target`);
}

/** Clusters of the bench have their slots in the same places. */
export async function compareSample(source: Site, target: Site, keys: number): Promise<void> {
  for (const [i, client] of source.clients.entries()) {
    await compareKeys(client, target.clients[i]!, Math.ceil(keys / source.clients.length));
  }
}

async function sizeOf({ clients }: Site): Promise<number> {
  const sizes = await Promise.all(clients.map((client) => client.send('DBSIZE')));
  return sizes.reduce<number>((sum, size) => sum + (size as number), 0);
}

async function compareKeys(source: TestClient, target: TestClient, keys: number): Promise<void> {
  for (let compared = 0; compared < keys; compared += 1) {
    const key = (await source.send('RANDOMKEY')) as Buffer;
    const [there, here] = await Promise.all([read(source, key), read(target, key)]);
    if (!isDeepStrictEqual(there.value, here.value)) throw new Error(`Wrong copy: the values of ${String(key)} differ`);
    if (there.ttl < 0 ? here.ttl !== there.ttl : Math.abs(here.ttl - there.ttl) > EXPIRY_TOLERANCE_MS) {
      throw new Error(`Wrong copy: the expiries of ${String(key)} differ: ${there.ttl} and ${here.ttl} ms`);
    }
  }
}

interface Content {
  readonly value: unknown;
  readonly ttl: number;
}

/** By the commands of the type, which know nothing of DUMP. */
async function read(client: TestClient, key: Buffer): Promise<Content> {
  const type = String(await client.send('TYPE', key));
  const replies = await client.pipeline([['PTTL', key], ...readsOf(type, key)]);
  const failed = replies.find((reply) => reply instanceof Error);
  if (failed !== undefined) throw failed;
  const [ttl, ...value] = replies;
  return { ttl: Number(ttl), value: [type, ...value.map((reply) => inOrder(type, reply))] };
}

function readsOf(type: string, key: Buffer): Argument[][] {
  switch (type) {
    case 'string':
      return [['GET', key]];
    case 'hash':
      return [['HGETALL', key]];
    case 'list':
      return [['LRANGE', key, 0, -1]];
    case 'set':
      return [['SMEMBERS', key]];
    case 'zset':
      return [['ZRANGE', key, 0, -1, 'WITHSCORES']];
    case 'stream':
      return [
        ['XRANGE', key, '-', '+'],
        ['XINFO', 'GROUPS', key],
        ['XPENDING', key, 'workers'],
      ];
    default:
      // A key that is not there has no value, and is found out by its type.
      return [];
  }
}

/** Hashes and sets come in an order of the server's own. */
function inOrder(type: string, reply: Reply): unknown {
  if (!Array.isArray(reply)) return reply;
  if (type === 'set') return reply.map(String).toSorted();
  if (type !== 'hash') return reply;
  const fields = new Map<string, string>();
  for (let index = 0; index < reply.length; index += 2) fields.set(String(reply[index]), String(reply[index + 1]));
  return fields;
}
