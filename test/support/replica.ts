// A replica of a server of the tests' own, in step with it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from './client.ts';
import { startServer, type ServerOptions, type TestServer } from './redis-server.ts';

const IN_STEP_MS = 30_000;
const POLL_MS = 10;

/** Waits until it has what the primary has. */
export async function startReplica(primary: TestServer, options: ServerOptions = {}): Promise<TestServer> {
  const secure = primary.tls ? ['--tls-replication', 'yes'] : [];
  const args = ['--replicaof', '127.0.0.1', String(primary.port), ...secure, ...(options.args ?? [])];
  const replica = await startServer({ ...(primary.tls ? { tls: 'server' } : {}), ...options, args });
  try {
    await untilInStep(await replica.client());
    return replica;
  } catch (error) {
    await replica.stop();
    throw new Error(`The replica did not get in step: ${replica.log}`, { cause: error });
  }
}

/** Resolves when a replica has what its primary has. */
export async function untilInStep(client: TestClient): Promise<void> {
  for (const deadline = Date.now() + IN_STEP_MS; !(await isInStep(client)); await sleep(POLL_MS)) {
    if (Date.now() > deadline) throw new Error(`Waited ${IN_STEP_MS} ms in vain for a replica to be in step`);
  }
}

/** Whether a replica has what its primary has. */
export async function isInStep(client: TestClient): Promise<boolean> {
  return /master_link_status:up/.test(String(await client.send('INFO', 'replication')));
}
