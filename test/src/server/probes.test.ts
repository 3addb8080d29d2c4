// What a target is asked beyond what every copy asks, of a real server and a user that may do nothing of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REMOVING, WAITING } from '../../../src/server/probes.ts';
import { openServer } from '../../../src/server/server.ts';
import { lend } from '../../support/lent-servers.ts';

test('openServer() names what a user of the target may not do, and does nothing of it', async (t) => {
  const server = await lend(t);
  const client = await server.client();
  await client.send('ACL', 'SETUSER', 'writer', 'on', '>secret', '~*', '+@all', '-unlink', '-wait');
  const probes = [REMOVING, WAITING];
  const access = {
    role: 'target',
    purpose: 'write',
    tls: undefined,
    timeout: 5000,
    signal: undefined,
    probes,
  } as const;
  const peer = { host: '127.0.0.1', port: server.port };
  for (const [username, password, missing] of [
    ['writer', 'secret', ['UNLINK', 'WAIT']],
    [undefined, undefined, []],
  ] as const) {
    const found = await openServer({ ...access, username, password }, peer, 0);
    assert.deepEqual(found.missing, missing);
    found.connection.close();
  }
});
