// What one copy took: wall time, the CPU time of both servers by their own account, and what others at the source waited.
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../support/client.ts';
import type { Site } from './site.ts';
import { startSourceClient, type Waits } from './source-client.ts';

/** All in seconds. */
export interface Timing {
  readonly wall: number;
  readonly sourceCpu: number;
  readonly targetCpu: number;
  /** Of another client of the source, where that is a server that is read. */
  readonly waits?: Waits | undefined;
}

export async function time<T>(
  source: Site,
  target: Site,
  isRead: boolean,
  copy: () => Promise<T>,
): Promise<Timing & { result: T }> {
  const client = isRead ? await startSourceClient(source) : undefined;
  // So that it counts forks anew.
  if (isRead) await Promise.all(source.clients.map((each) => each.send('CONFIG', 'RESETSTAT')));
  const sourceBefore = await cpuOfAll(source);
  const targetBefore = await cpuOfAll(target);
  const start = performance.now();
  const result = await copy();
  const wall = (performance.now() - start) / 1000;
  const waits = await client?.stop();
  return {
    wall,
    sourceCpu: (await cpuOfAll(source)) - sourceBefore,
    targetCpu: (await cpuOfAll(target)) - targetBefore,
    waits: waits && { ...waits, fork: (await info(source.clients[0]!, 'stats', 'latest_fork_usec')) / 1000 },
    result,
  };
}

export async function cpuOfAll({ clients }: Site): Promise<number> {
  const seconds = await Promise.all(clients.map(cpuOf));
  return seconds.reduce((sum, value) => sum + value, 0);
}

/** The child that writes a snapshot counts once it has been waited for, and that may be a moment after the copy. */
async function cpuOf(client: TestClient): Promise<number> {
  while ((await info(client, 'persistence', 'rdb_bgsave_in_progress')) !== 0) await sleep(5);
  const fields = ['used_cpu_user', 'used_cpu_sys', 'used_cpu_user_children', 'used_cpu_sys_children'];
  const seconds = await Promise.all(fields.map((field) => info(client, 'cpu', field)));
  return seconds.reduce((sum, value) => sum + value, 0);
}

async function info(client: TestClient, section: string, field: string): Promise<number> {
  const text = String(await client.send('INFO', section));
  const value = new RegExp(`^${field}:([\\d.]+)\r$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`The server does not tell its ${field}`);
  return Number(value);
}
