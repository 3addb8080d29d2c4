// The two servers of the demo: real ones where PATH has any, otherwise two of our own in this process.
import { TestClient } from '../support/client.ts';
import { startMemoryServer, type MemoryServer } from '../support/memory-server/memory-server.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';

export interface DemoServer {
  readonly url: string;
  /** `stop` of the pair closes it. */
  client(): Promise<TestClient>;
}

export interface ServerPair {
  readonly source: DemoServer;
  readonly target: DemoServer;
  /** What they are, and why. */
  readonly description: string;
  stop(): Promise<void>;
}

export async function startServerPair(): Promise<ServerPair> {
  const started = await Promise.allSettled([startServer(), startServer()]);
  const servers = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failure = started.find((result) => result.status === 'rejected');
  if (failure === undefined) return realPair(servers as [TestServer, TestServer]);
  await Promise.all(servers.map((server) => server.stop()));
  return memoryPair((failure.reason as Error).message);
}

async function realPair([source, target]: [TestServer, TestServer]): Promise<ServerPair> {
  const info = String(await (await source.client()).send('INFO', 'server'));
  // Forks call themselves redis as well, for those who ask for that only.
  const name = ['valkey', 'redict', 'redis'].find((candidate) => info.includes(`\n${candidate}_version:`)) ?? 'unknown';
  const version = new RegExp(`^${name}_version:(\\S+)`, 'm').exec(info)?.[1] ?? '';
  return {
    source,
    target,
    description: `Two servers run for this: ${name} ${version}, on the ports ${source.port} and ${target.port}.`,
    async stop() {
      await Promise.all([source.stop(), target.stop()]);
    },
  };
}

async function memoryPair(reason: string): Promise<ServerPair> {
  const [source, target] = await Promise.all([startMemoryServer(), startMemoryServer()]);
  const clients: TestClient[] = [];
  const connectable = ({ url, port }: MemoryServer): DemoServer => ({
    url,
    async client() {
      const client = await TestClient.connect({ port });
      clients.push(client);
      return client;
    },
  });
  return {
    source: connectable(source),
    target: connectable(target),
    description: `${reason}. So two small servers stand in for them inside this process, on the ports ${source.port} and ${target.port}.`,
    async stop() {
      await Promise.all(clients.map((client) => client.close()));
      await Promise.all([source.stop(), target.stop()]);
    },
  };
}
