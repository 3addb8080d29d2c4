// Whether a copy is a true one: all keys by their number, and a random sample of them by value and expiry.
import type { TestClient } from '../support/client.ts';
import { assertSame, snapshot } from '../support/snapshot.ts';
import type { Site } from './site.ts';

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

/** One key at a time, as some are large. */
async function compareKeys(source: TestClient, target: TestClient, keys: number): Promise<void> {
  for (let compared = 0; compared < keys; compared += 1) {
    const key = (await source.send('RANDOMKEY')) as Buffer;
    const [expected, actual] = await Promise.all([snapshot(source, [key]), snapshot(target, [key])]);
    assertSame(actual, expected, { ttl: 'relative' });
  }
}
