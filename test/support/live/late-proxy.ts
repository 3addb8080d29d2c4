// A balancer that keeps the bytes of a connection which its client has lost, and hands them to the server later than those
// of the connection that came after it.
import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { reset } from '../proxy-pipe.ts';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** What has come since it was abandoned. */
  held: Buffer[] | undefined;
}

/** In which bytes gather on a connection that is to be lost. */
const GATHER_MS = 20;

export class LateProxy {
  /** Bytes that came late, and those whose connection the server had ended by then. */
  delivered = 0;
  refused = 0;
  readonly #listener: Server;
  readonly #pairs = new Set<Pair>();

  static async start(port: number): Promise<LateProxy> {
    const proxy = new LateProxy(port);
    proxy.#listener.listen(0, '127.0.0.1');
    await once(proxy.#listener, 'listening');
    return proxy;
  }

  private constructor(port: number) {
    this.#listener = createServer({ noDelay: true }, (client) => {
      const pair: Pair = {
        client,
        server: createConnection({ port, host: '127.0.0.1', noDelay: true }),
        held: undefined,
      };
      this.#join(pair);
    });
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#listener.address() as { port: number }).port}`;
  }

  /** Every client loses its connection; what it sent at last arrives after so many milliseconds. */
  abandon(delay: number): void {
    for (const pair of this.#pairs) {
      pair.held = [];
      setTimeout(() => reset(pair.client), GATHER_MS);
      setTimeout(() => this.#deliver(pair), GATHER_MS + delay);
    }
  }

  close(): void {
    this.#listener.close();
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
  }

  #join(pair: Pair): void {
    const { client, server } = pair;
    this.#pairs.add(pair);
    client.on('data', (bytes) => {
      if (pair.held !== undefined) pair.held.push(bytes);
      else if (!server.write(bytes)) {
        client.pause();
        server.once('drain', () => client.resume());
      }
    });
    server.on('data', (bytes) => {
      if (pair.held === undefined) client.write(bytes);
    });
    client
      .on('error', () => {})
      .on('close', () => {
        if (pair.held === undefined) server.destroy();
      });
    server
      .on('error', () => {})
      .on('close', () => {
        this.#pairs.delete(pair);
        if (pair.held === undefined) client.destroy();
      });
  }

  #deliver({ server, held }: Pair): void {
    const bytes = Buffer.concat(held ?? []);
    if (server.destroyed || !server.writable) {
      this.refused += bytes.length;
      return;
    }
    this.delivered += bytes.length;
    server.end(bytes);
  }
}
