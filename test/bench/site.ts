// One side of a copy: servers, a client that looks at each directly, and what rump is told of them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authority } from '../support/certificates.ts';
import type { TestClient } from '../support/client.ts';
import { createCluster, type TestCluster } from '../support/redis-cluster.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { send, type Pipeline } from './fill.ts';
import { startProxyProcess } from './proxy-process.ts';

export interface SiteOptions {
  /** Default: the one on PATH. */
  readonly binary?: string | undefined;
  /** Milliseconds added each way; 0 takes the server's own port. */
  readonly delay: number;
}

export interface Site {
  /** One for each server; none of a file. */
  readonly clients: readonly TestClient[];
  /** Where the first server, or the proxy before it, listens. */
  readonly port: number;
  /** The first server itself, and the file of the authority where it speaks TLS; none of a file. */
  readonly server: { readonly port: number; readonly ca?: string } | undefined;
  /** Where it is one server. */
  readonly process?: TestServer;
  /** A folder that goes with the site. */
  readonly dir: string;
  /** The endpoint and the flags that go with it. */
  readonly words: (side: 'from' | 'to') => string[];
  readonly pipeline: Pipeline;
  /** What happens to it while it is copied to. @param isOver whether the copy has ended */
  readonly meanwhile?: (isOver: () => boolean) => Promise<void>;
  stop(): Promise<void>;
}

/** What a full sync needs to start at once and without a file; a target obeys it as well, and never uses it. */
const ARGUMENTS = ['--repl-diskless-sync', 'yes', '--repl-diskless-sync-delay', '0'];

export async function startSite({ binary, delay }: SiteOptions): Promise<Site> {
  const server = await startServer({ binary, args: ARGUMENTS });
  try {
    const client = await server.client();
    const proxy = delay === 0 ? undefined : await startProxyProcess(server.port, delay);
    const port = proxy?.port ?? server.port;
    const stop = async (): Promise<void> => {
      await proxy?.stop();
      await server.stop();
    };
    return {
      clients: [client],
      port,
      server: { port: server.port },
      process: server,
      dir: server.dir,
      words: (side) => [`--${side}`, `redis://127.0.0.1:${port}`],
      pipeline: (commands) => send(client, commands),
      stop,
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

export async function startTlsSite({ binary }: SiteOptions): Promise<Site> {
  const server = await startServer({ binary, tls: 'server' });
  const client = await server.client();
  return {
    clients: [client],
    port: server.port,
    server: { port: server.port, ca: authority.certFile },
    dir: server.dir,
    words: (side) => [`--${side}`, server.url, `--${side}-tls-ca`, authority.certFile],
    pipeline: (commands) => send(client, commands),
    stop: () => server.stop(),
  };
}

/** Three primaries. */
export async function startClusterSite({ binary }: SiteOptions): Promise<Site> {
  return siteOf(await createCluster({ binary }));
}

/** Of a cluster that runs. */
export function siteOf(cluster: TestCluster): Site {
  const [first] = cluster.nodes;
  return {
    clients: cluster.clients,
    port: first!.port,
    server: { port: first!.port },
    dir: first!.dir,
    words: (side) => [`--${side}`, cluster.url],
    pipeline: (commands) => cluster.pipeline(commands),
    stop: () => cluster.stop(),
  };
}

/** A file that is not there yet. @param name its ending says what it is to be */
export function newFileSite(name = 'copy.resp'): Site & { readonly path: string } {
  const dir = mkdtempSync(join(tmpdir(), 'rump-bench-'));
  const path = join(dir, name);
  return {
    clients: [],
    port: 0,
    server: undefined,
    dir,
    path,
    words: (side) => [`--${side}`, path],
    pipeline: () => Promise.reject(new Error('Cannot fill a file')),
    stop: async () => rmSync(dir, { recursive: true, force: true }),
  };
}
