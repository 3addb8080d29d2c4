// A small Redis of our own, in this process: for machines without one, and for servers that count SCAN cursors oddly.
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { ClientConnection } from './client-connection.ts';
import type { CursorStyle } from './keyspace/key-table.ts';
import { ServerState } from './server-state.ts';

export interface MemoryServerOptions {
  /** Default: any free port. */
  readonly port?: number;
  /** Of the user `default`; none is asked for otherwise. */
  readonly password?: string;
  /** What INFO calls the version. Default 7.0.15. Before 6 SCAN knows no TYPE. */
  readonly version?: string;
  /** Commands that it does not know, as if they had been renamed. */
  readonly unknown?: readonly string[];
  /** Commands on which it hangs up without a word, as some proxies do on those that they do not know. */
  readonly hangsUpOn?: readonly string[];
  /** SELECT answers OK and does nothing, and INFO does not say which databases there are. */
  readonly oneDatabase?: boolean;
  /** SCAN gives every key a second time, as a table that shrinks makes it do. */
  readonly repeats?: boolean;
  /** How SCAN counts its cursors. Default `reverse-binary`, as Redis does. */
  readonly cursor?: CursorStyle;
  /** Nodes that a `node-…` cursor goes through. Default 3. */
  readonly nodes?: number;
  /** Of the hash that spreads the keys: another seed, another order. Default 1. */
  readonly seed?: number;
}

export async function startMemoryServer(options: MemoryServerOptions = {}): Promise<MemoryServer> {
  const state = new ServerState(options);
  const connections = new Set<ClientConnection>();
  const listener = createServer({ noDelay: true }, (socket) => {
    const connection = new ClientConnection(socket, state);
    connections.add(connection);
    socket.once('close', () => connections.delete(connection));
  });
  listener.listen(options.port ?? 0, '127.0.0.1');
  await once(listener, 'listening');
  state.port = (listener.address() as AddressInfo).port;
  return new MemoryServer(listener, state.port, connections);
}

export class MemoryServer {
  readonly port: number;
  readonly url: string;
  readonly #listener: Server;
  readonly #connections: ReadonlySet<ClientConnection>;

  constructor(listener: Server, port: number, connections: ReadonlySet<ClientConnection>) {
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
    this.#listener = listener;
    this.#connections = connections;
  }

  /** Cuts every connection and frees the port. */
  async stop(): Promise<void> {
    if (!this.#listener.listening) return;
    const closed = once(this.#listener, 'close');
    this.#listener.close();
    for (const connection of this.#connections) connection.close();
    await closed;
  }
}
