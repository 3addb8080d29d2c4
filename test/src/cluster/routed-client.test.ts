import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ConnectionError, ReplyError } from '../../../resp/errors.ts';
import type { Deployment } from '../../../src/cluster/deployment.ts';
import { RoutedClient } from '../../../src/cluster/routed-client.ts';
import type { Node } from '../../../src/cluster/topology.ts';
import { Topology } from '../../../src/cluster/topology.ts';
import { Wakeup } from '../../../src/flow/wakeup.ts';
import type { Server } from '../../../src/server/server.ts';

const OWNER = { id: 'owner', peer: { host: '127.0.0.1', port: 6379 } };
const GONE = { id: 'gone', peer: { host: '127.0.0.1', port: 6380 } };
const REFUSED = new ConnectionError('ECONNREFUSED', 'Cannot connect to 127.0.0.1:6380', {
  peer: GONE.peer,
  retryable: true,
});

test('RoutedClient.ask() asks the owner again where the node is gone that it sent the key to, and not for ever', async () => {
  const connects: string[] = [];
  let asked = 0;
  const request = (): Promise<never> => {
    asked++;
    return Promise.reject(new ReplyError('ASK 7629 127.0.0.1:6380', OWNER.peer));
  };
  const server = { db: 0, connection: { peer: OWNER.peer, error: undefined, request, onProgress: () => {} } };
  const deployment = {
    role: 'target',
    signal: undefined,
    topology: Topology.single(OWNER),
    nodeOf: () => OWNER,
    placeOf: () => GONE.peer,
    nodeAt: () => GONE,
    isUnserved: () => false,
    demandPlace: () => {},
    refresh: async () => {},
    refreshIfPossible: async () => {},
    connect: ({ id }: Node) => {
      connects.push(id);
      return id === GONE.id ? Promise.reject(REFUSED) : Promise.resolve(server as unknown as Server);
    },
  };
  const options = { retry: { retries: 3, longest: 1 }, onReconnect: () => {} };
  const client = new RoutedClient(deployment as unknown as Deployment, options);
  await assert.rejects(client.ask(0, Buffer.from('key'), [['GET', 'key']]), { code: 'ASK' });
  assert.equal(asked, 4);
  assert.deepEqual(connects, [OWNER.id, ...Array.from({ length: 4 }, () => GONE.id)]);
});

test('RoutedClient.close() closes a connection as well that is only being opened', async () => {
  const reached = new Wakeup();
  let closed = 0;
  const server = { connection: { close: () => closed++ }, db: 0 };
  const deployment = {
    nodeOf: () => OWNER,
    connect: async () => {
      await reached.sleep();
      return server as unknown as Server;
    },
  };
  const options = { retry: { retries: 3, longest: 1 }, onReconnect: () => {} };
  const client = new RoutedClient(deployment as unknown as Deployment, options);
  const asking = client.ask(0, Buffer.from('key'), [['GET', 'key']]);
  await setImmediate();
  client.close();
  await assert.rejects(asking, { code: 'CLOSED' });
  assert.equal(closed, 0, 'It has not been waited for');
  reached.wake();
  await setImmediate();
  assert.equal(closed, 1);
  await assert.rejects(client.ask(0, Buffer.from('key'), [['GET', 'key']]), { code: 'CLOSED' });
});
