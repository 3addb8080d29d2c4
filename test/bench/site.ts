// One side of a copy: a server, a client that looks at it directly, and the port at which a copy finds it.
import type { TestClient } from '../support/client.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { startProxyProcess } from './proxy-process.ts';

export interface SiteOptions {
  /** Default: the one on PATH. */
  readonly binary?: string | undefined;
  /** Milliseconds added each way; 0 takes the server's own port. */
  readonly delay: number;
}

export interface Site {
  readonly server: TestServer;
  readonly client: TestClient;
  readonly port: number;
  stop(): Promise<void>;
}

/** What a full sync needs to start at once and without a file; a target obeys it as well, and never uses it. */
const ARGUMENTS = ['--repl-diskless-sync', 'yes', '--repl-diskless-sync-delay', '0'];

export async function startSite({ binary, delay }: SiteOptions): Promise<Site> {
  const server = await startServer({ ...(binary === undefined ? {} : { binary }), args: ARGUMENTS });
  try {
    const client = await server.client();
    if (delay === 0) return { server, client, port: server.port, stop: () => server.stop() };
    const proxy = await startProxyProcess(server.port, delay);
    const stop = async (): Promise<void> => {
      await proxy.stop();
      await server.stop();
    };
    return { server, client, port: proxy.port, stop };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
