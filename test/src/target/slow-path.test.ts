// Values that go beside the others, against a real server: what waits behind them for its turn.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { newEntry } from '../../../src/flow/entry.ts';
import { TransferLimits } from '../../../src/server/transfer-limits.ts';
import { handFeed } from '../../support/hand-fed-target.ts';
import { lend } from '../../support/lent-servers.ts';

const KEY = Buffer.from('key');

test('SlowPath hands on in their order all that waited for one value of their name', async (t) => {
  const server = await lend(t);
  const client = await server.client();
  const payloads: Buffer[] = [];
  for (const value of [randomBytes(1000), 'first', 'second', 'third']) {
    await client.send('SET', 'other', value);
    payloads.push((await client.send('DUMP', 'other')) as Buffer);
  }
  const { channel, told } = await handFeed(t, server.port, { limits: new TransferLimits(100) });
  for (const payload of payloads) channel.push({ ...newEntry(), kind: 'value', key: KEY, payload });
  await channel.settled();
  const others = told.filter((words) => !words.startsWith('written'));
  assert.deepEqual(others, ['converted'], 'only the long one goes by commands');
  assert.equal(String(await client.send('GET', 'key')), 'third');
});
