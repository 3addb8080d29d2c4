// A source and a target for one test, or one server, with a client on each; they end with the test.
import type { TestContext } from 'node:test';
import type { TestClient } from './client.ts';
import { lend } from './lent-servers.ts';
import { startServer, type ServerOptions, type TestServer } from './redis-server.ts';

export interface ServerPair {
  readonly source: TestServer;
  readonly target: TestServer;
  /** On database 0 of the source. */
  readonly from: TestClient;
  /** On database 0 of the target. */
  readonly to: TestClient;
  /** What rump needs to copy one into the other. */
  readonly endpoints: readonly string[];
}

export interface PairOptions {
  readonly source?: ServerOptions;
  readonly target?: ServerOptions;
}

export async function startPair(t: TestContext, options: PairOptions = {}): Promise<ServerPair> {
  const [source, target] = await Promise.all([serverFor(t, options.source), serverFor(t, options.target)]);
  const [from, to] = await Promise.all([source.client(), target.client()]);
  return { source, target, from, to, endpoints: ['--from', source.url, '--to', target.url] };
}

/** One server for what needs no second one, and a client on its database 0. */
export async function startOne(t: TestContext, options: ServerOptions = {}): Promise<[TestServer, TestClient]> {
  const server = await serverFor(t, options);
  return [server, await server.client()];
}

/** Those that are like any other come from who had them before. */
async function serverFor(t: TestContext, options: ServerOptions = {}): Promise<TestServer> {
  if (Object.values(options).every((option) => option === undefined)) return lend(t);
  const server = await startServer(options);
  t.after(() => server.stop());
  return server;
}
