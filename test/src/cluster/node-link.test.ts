import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ConnectionError } from '../../../resp/errors.ts';
import type { Deployment } from '../../../src/cluster/deployment.ts';
import { NodeLink, NodeRun } from '../../../src/cluster/node-link.ts';
import { Wakeup } from '../../../src/flow/wakeup.ts';
import type { Reconnect } from '../../../src/server/retry.ts';
import { Topology } from '../../../src/cluster/topology.ts';
import type { Server } from '../../../src/server/server.ts';

const NODE = { id: 'single', peer: { host: '127.0.0.1', port: 6379 } };
const CLOSED = new ConnectionError('CLOSED', 'Lost the connection to 127.0.0.1:6379: the peer closed it', {
  peer: NODE.peer,
  retryable: true,
});

interface Given {
  readonly server?: Server;
  readonly introduce?: () => Promise<void>;
  /** Milliseconds. */
  readonly longest?: number;
}

/** A link to a server that is always there, with what it told. */
function linkWith(
  retries: number,
  { server = {} as Server, introduce, longest = 1 }: Given = {},
): { link: NodeLink; told: Reconnect[] } {
  const told: Reconnect[] = [];
  const deployment = {
    role: 'source',
    signal: undefined,
    topology: Topology.single(NODE),
    refresh: async () => {},
    connect: async () => server,
  };
  const options = { retry: { retries, longest }, onReconnect: (event: Reconnect) => told.push(event), introduce };
  return { link: new NodeLink(deployment as unknown as Deployment, NODE, options), told };
}

test('NodeLink.open() opens a connection that was closed while it was idle again, and takes it for no failure', async () => {
  const { link, told } = linkWith(0);
  await link.open();
  for (let i = 0; i < 3; i++) {
    link.progress();
    await link.open({ error: CLOSED, wasIdle: true });
  }
  assert.deepEqual(told, []);
});

test('NodeLink.open() takes it for a failure that a server hangs up before anything was done, and so bounds it', async () => {
  const { link, told } = linkWith(2);
  await link.open();
  await link.open({ error: CLOSED, wasIdle: true });
  await link.open({ error: CLOSED, wasIdle: true });
  await assert.rejects(link.open({ error: CLOSED, wasIdle: true }), CLOSED);
  assert.deepEqual(
    told.map(({ attempt }) => attempt),
    [1, 2],
  );
});

test('NodeLink.open() takes it for a failure that a connection is lost while replies are due', async () => {
  const { link, told } = linkWith(1);
  await link.open();
  link.progress();
  await link.open({ error: CLOSED, wasIdle: false });
  assert.equal(told.length, 1);
});

test('NodeLink.stop() ends a pause', async () => {
  const lost = new ConnectionError('CLOSED', 'Lost the other side', { peer: NODE.peer, retryable: true });
  for (const reason of [new Error('the other side has failed'), lost]) {
    const { link, told } = linkWith(3, { longest: 60_000 });
    await link.open();
    const opening = link.open({ error: CLOSED, wasIdle: false });
    await setImmediate();
    assert.equal(told.length, 1);
    link.stop(reason);
    await assert.rejects(opening, reason);
    await assert.rejects(link.open(), reason);
    await setImmediate();
    assert.equal(told.length, 1, 'That somebody else was lost is told of him');
  }
  assert.ok(!process.getActiveResourcesInfo().includes('Timeout'), 'It waits for nothing any more');
});

test('NodeRun.end() ends the run also while it waits to connect again, and that is no failure', async () => {
  const { link, told } = linkWith(3, {
    longest: 60_000,
    server: { connection: { onProgress() {} } } as unknown as Server,
  });
  const run = new NodeRun(link);
  const running = run.run(async ({ connection }) => void Object.assign(connection, { error: CLOSED, close() {} }));
  while (told.length === 0) await setImmediate();
  run.end('finished');
  assert.equal(await Promise.race([running, setImmediate('waits')]), 'finished');
  assert.equal(told.length, 1);
});

test('NodeRun.stop() ends the run also while a connection is introduced, which is closed then', async () => {
  const reason = new Error('the other side has failed');
  const [begun, introduced] = [new Wakeup(), new Wakeup()];
  const done: string[] = [];
  const server = { connection: { close: () => done.push('closed'), onProgress() {} } } as unknown as Server;
  const introduce = (): Promise<void> => {
    begun.wake();
    return introduced.sleep();
  };
  const run = new NodeRun(linkWith(0, { server, introduce }).link);
  const running = run.run(async () => {
    done.push('worked');
    run.end('finished');
  });
  await begun.sleep();
  run.stop(reason);
  await assert.rejects(running, reason);
  introduced.wake();
  await setImmediate();
  assert.deepEqual(done, ['closed']);
});
