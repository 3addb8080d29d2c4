// A server or a cluster as rump reaches it, for tests of what stands below a whole copy; closed with the test.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Deployment } from '../../src/cluster/deployment.ts';
import type { Role } from '../../src/server/server.ts';
import type { TestClient } from './client.ts';

export interface Reach {
  readonly username?: string;
  readonly password?: string;
  readonly signal?: AbortSignal;
}

const ALONE_MS = 10_000;

/** Few tries, with short pauses. */
export const LINK = { retry: { retries: 5, longest: 50 }, onReconnect: () => {} };

export async function openDeployment(t: TestContext, role: Role, port: number, reach: Reach = {}): Promise<Deployment> {
  const { username, password, signal } = reach;
  const end = new AbortController();
  t.after(() => end.abort(new Error('The test is over')));
  const deployment = await Deployment.open({
    address: { kind: 'tcp', host: '127.0.0.1', port, tls: false },
    access: {
      role,
      purpose: role === 'source' ? 'read' : 'write',
      timeout: 5000,
      probes: [],
      tls: undefined,
      username,
      password,
      signal: AbortSignal.any(signal === undefined ? [end.signal] : [end.signal, signal]),
    },
    sentinelPassword: undefined,
    nat: [],
    db: 0,
    ...LINK,
  });
  t.after(() => deployment.close());
  return deployment;
}

/** Resolves once the server has no other connection than that of the client. */
export async function untilAlone(client: TestClient): Promise<void> {
  const connections = async (): Promise<number> =>
    String(await client.send('CLIENT', 'LIST'))
      .trim()
      .split('\n').length;
  const deadline = performance.now() + ALONE_MS;
  while ((await connections()) > 1) assert.ok(performance.now() < deadline, 'Others are still connected');
}
