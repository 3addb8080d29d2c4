// A server or a cluster as one side of a run that follows: who writes to it, and where all of its keys are.
import type { Reply, TestClient } from '../client.ts';
import type { TestCluster } from '../redis-cluster.ts';
import type { TestServer } from '../redis-server.ts';
import { ClusterRouter, ServerRouter, type Router } from './router.ts';

export interface Side {
  readonly isCluster: boolean;
  readonly databases: readonly number[];
  /** Of each node that serves keys now, on that database. */
  primaries(db: number): Promise<readonly TestClient[]>;
  /** Another way in for writers; the caller closes it. */
  router(): Router;
}

/** One client for each server and database. */
class Clients {
  readonly #clients = new Map<string, Promise<TestClient>>();

  of(server: TestServer, db: number): Promise<TestClient> {
    const name = `${server.port} ${server.pid} ${db}`;
    const client = this.#clients.get(name) ?? server.client(db);
    this.#clients.set(name, client);
    return client;
  }
}

/** @param server who it is now; @param port where writers reach it */
export function serverSide(server: () => TestServer, databases: readonly number[], port?: number): Side {
  const clients = new Clients();
  return {
    isCluster: false,
    databases,
    primaries: async (db) => [await clients.of(server(), db)],
    router: () => new ServerRouter(port ?? server().port),
  };
}

export function clusterSide(cluster: TestCluster, databases: readonly number[] = [0]): Side {
  const clients = new Clients();
  return {
    isCluster: true,
    databases,
    primaries: async (db) => {
      const roles = await Promise.all(
        cluster.clients.map((client) => client.send('ROLE').catch(() => [Buffer.from('gone')] as Reply[])),
      );
      const living = cluster.nodes.filter((_, index) => String((roles[index] as Reply[])[0]) === 'master');
      return Promise.all(living.map((node) => clients.of(node, db)));
    },
    router: () => new ClusterRouter(cluster.nodes.map(({ port }) => port)),
  };
}
