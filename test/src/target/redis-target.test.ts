// What has waited, or comes in a run, is looked at like any other entry before it is sent. Real servers, fed by hand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TransferLimits } from '../../../src/server/transfer-limits.ts';
import { entryOf, KIB } from '../../support/entries.ts';
import { handFeed } from '../../support/hand-fed-target.ts';
import { callsOf } from '../../support/command-stats.ts';
import { lend } from '../../support/lent-servers.ts';
import type { TestClient } from '../../support/client.ts';

async function payloadOf(client: TestClient, value: string): Promise<Buffer> {
  await client.send('SET', 'made', value);
  const payload = (await client.send('DUMP', 'made')) as Buffer;
  await client.send('DEL', 'made');
  return payload;
}

test('RedisTarget sends no value whole that is too large for the target, also where it has waited in the channel', async (t) => {
  const server = await lend(t);
  const client = await server.client();
  await client.send('CONFIG', 'SET', 'rdbcompression', 'no');
  const payload = await payloadOf(client, 'x'.repeat(100 * KIB));
  await client.send('CONFIG', 'RESETSTAT');
  const { channel, told } = await handFeed(t, server.port, { renames: false, limits: new TransferLimits(64 * KIB) });
  for (const key of ['large:1', 'large:2', 'large:3']) channel.push(entryOf(key, payload));
  await channel.settled();
  // What goes in pieces is renamed at its end.
  assert.equal((await callsOf(client)).get('rename'), 3);
  assert.equal(await client.send('STRLEN', 'large:3'), 100 * KIB);
  assert.equal(told.filter((what) => what.startsWith('written 1 ')).length, 3);
});
