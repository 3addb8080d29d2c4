// RESTORE without REPLACE against a real server: what is a conflict, and what only came twice.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { WrittenKeys } from '../../../src/target/conflicts.ts';
import { handFeed } from '../../support/hand-fed-target.ts';
import { lend } from '../../support/lent-servers.ts';

const KEY = Buffer.from('key');

type Send = (...args: string[]) => Promise<unknown>;

/** Writes `KEY` twice, with `between` in the middle, and tells what became of it. */
async function writeTwice(t: TestContext, between: (send: Send) => Promise<unknown>): Promise<readonly string[]> {
  const server = await lend(t);
  const client = await server.client();
  await client.send('SET', 'other', 'value');
  const payload = (await client.send('DUMP', 'other')) as Buffer;
  const { write, told } = await handFeed(t, server.port, { replace: false, written: new WrittenKeys(10) });
  await write({ key: KEY, payload });
  assert.deepEqual(told, [`written 1 of ${KEY.length + payload.length} bytes`]);
  await between((...args) => client.send(...args));
  await write({ key: KEY, payload });
  return told.slice(1);
}

test('RedisTarget takes a key that came twice for no conflict', async (t) => {
  assert.deepEqual(await writeTwice(t, async () => {}), ['repeated']);
});

test('RedisTarget takes a key that somebody else has changed since for a conflict', async (t) => {
  assert.deepEqual(await writeTwice(t, (send) => send('SET', 'key', 'theirs')), ['refused 0 key BUSYKEY']);
});

test('RedisTarget takes a key for a conflict where the target will not show what it has', async (t) => {
  assert.deepEqual(await writeTwice(t, (send) => send('ACL', 'SETUSER', 'default', '-dump')), [
    'refused 0 key BUSYKEY',
  ]);
});
