// Where the figures come from: processor, Node, and the name and version of the server.
import { availableParallelism, cpus } from 'node:os';
import type { TestClient } from '../support/client.ts';

export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly node: string;
}

export function describeMachine(): Machine {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? 'unknown processor',
    node: process.versions.node,
  };
}

/** Forks say what they are beside the Redis version that they claim. */
export async function describeServer(client: TestClient): Promise<string> {
  const info = String(await client.send('INFO', 'server'));
  for (const name of ['Valkey', 'Redict', 'Redis']) {
    const version = new RegExp(`^${name.toLowerCase()}_version:(.*)\r$`, 'm').exec(info)?.[1];
    if (version !== undefined) return `${name} ${version}`;
  }
  return 'unknown server';
}
