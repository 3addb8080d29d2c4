// RESTORE without REPLACE against a real server: what is a conflict, and what only came twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Connection } from '../../../resp/connection.ts';
import type { ReplyError } from '../../../resp/errors.ts';
import { NEVER } from '../../../src/redis/expiry.ts';
import { RestoreWriter } from '../../../src/redis/restore.ts';
import { startServer } from '../../support/redis-server.ts';

const KEY = Buffer.from('key');

/** Writes `KEY` twice, with `between` in the middle, and tells what became of it. */
async function writeTwice(
  between: (send: (...args: string[]) => Promise<unknown>) => Promise<void>,
): Promise<string[]> {
  const server = await startServer();
  const client = await server.client();
  await client.send('SET', 'other', 'value');
  const payload = (await client.send('DUMP', 'other')) as Buffer;
  const peer = { host: '127.0.0.1', port: server.port };
  const connection = await Connection.open({ peer, readOnly: false, connectTimeout: 5000, timeout: 5000 });
  const told: string[] = [];
  const writer = new RestoreWriter(
    connection,
    { mode: 'exact', replace: false, keys: 10, depth: 10 },
    {
      onRestored: (keys, bytes) => told.push(`restored ${keys} of ${bytes - payload.length} bytes`),
      onWriteRefused: (key: Buffer, error: ReplyError) => told.push(`refused ${String(key)} ${error.code}`),
      onRepeated: () => told.push('repeated'),
    },
  );
  const write = async (): Promise<void> => {
    writer.send({ db: 0, key: KEY, payload, expireAt: NEVER }, payload, 0);
    while (writer.inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  try {
    await write();
    await between((...args) => client.send(...args));
    await write();
    return told;
  } finally {
    connection.close();
    await server.stop();
  }
}

test('RestoreWriter takes a key that came twice for no conflict', async () => {
  assert.deepEqual(await writeTwice(async () => {}), ['restored 1 of 3 bytes', 'repeated']);
});

test('RestoreWriter takes a key that somebody else has changed since for a conflict', async () => {
  const told = await writeTwice(async (send) => void (await send('SET', 'key', 'theirs')));
  assert.deepEqual(told, ['restored 1 of 3 bytes', 'refused key BUSYKEY']);
});

test('RestoreWriter takes a key for a conflict where the target will not show what it has', async () => {
  const told = await writeTwice(async (send) => void (await send('ACL', 'SETUSER', 'default', '-dump')));
  assert.deepEqual(told, ['restored 1 of 3 bytes', 'refused key BUSYKEY']);
});
