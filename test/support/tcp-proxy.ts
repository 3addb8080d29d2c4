// A TCP proxy between rump and a server that does what networks do: it delays, stalls, cuts, resets and refuses.
import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { ProxyPipe, reset, type Gate } from './proxy-pipe.ts';

/** `up` leads from the client to the server. */
export type Direction = 'up' | 'down';

export interface ProxyOptions {
  /** Where connections lead. */
  readonly port: number;
  readonly host?: string;
  /** Milliseconds added each way: a round trip takes twice as long. */
  readonly delay?: number;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly up: ProxyPipe;
  readonly down: ProxyPipe;
}

export async function startProxy(options: ProxyOptions): Promise<TcpProxy> {
  const proxy = new TcpProxy(options);
  await proxy.accept();
  return proxy;
}

export class TcpProxy {
  readonly #options: ProxyOptions;
  readonly #listener: Server;
  readonly #pairs = new Set<Pair>();
  readonly #pipes = new Set<ProxyPipe>();
  readonly #abandoned = new Set<Pair>();
  readonly #gates: Record<Direction, Gate>;
  #port = 0;
  #target: number;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#target = options.port;
    const cut = (): void => this.cut();
    const gate = (): Gate => ({
      delay: options.delay ?? 0,
      open: true,
      bytes: 0,
      left: Infinity,
      forbidden: undefined,
      holds: false,
      met: 0,
      cut,
    });
    this.#gates = { up: gate(), down: gate() };
    this.#listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#connect(client));
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#port}`;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Bytes handed on so far, over all connections. */
  get bytesUp(): number {
    return this.#gates.up.bytes;
  }

  get bytesDown(): number {
    return this.#gates.down.bytes;
  }

  /** Bytes from clients that wait to be handed on. */
  get waiting(): number {
    return [...this.#pairs].reduce((sum, { up }) => sum + up.waiting, 0);
  }

  /** Bytes from clients that arrive from now on stay so many milliseconds on the way; order is kept, and replies come as before. */
  delayUp(milliseconds: number): void {
    this.#gates.up.delay = milliseconds;
  }

  /** Nothing passes and nothing is read any more, so that the sender's own buffers fill. */
  stall(direction?: Direction): void {
    this.#setOpen(false, direction);
  }

  unstall(direction?: Direction): void {
    this.#setOpen(true, direction);
  }

  /** Ends all connections; bytes still on their way are lost. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
  }

  /**
   * Ends all connections for the clients alone: what is on its way to the server may still come, as behind a tunnel. Returns
   * what hands it on: it settles when the server has done with it, and says how many bytes the server took.
   */
  abandon(): () => Promise<number> {
    const pairs = [...this.#pairs];
    for (const pair of pairs) {
      this.#pairs.delete(pair);
      this.#abandoned.add(pair);
      pair.down.discard();
      pair.client.destroy();
    }
    return async () => {
      const sizes = await Promise.all(pairs.map((pair) => this.#deliver(pair)));
      return sizes.reduce((sum, bytes) => sum + bytes, 0);
    };
  }

  /** Lets exactly so many bytes more through in that direction, then ends all connections. Works once. */
  cutAfter(bytes: number, direction: Direction): void {
    this.#gates[direction].left = bytes;
  }

  /** From now on each connection on which these bytes come, in this direction, is reset before they pass. */
  forbid(text: string, direction: Direction): void {
    Object.assign(this.#gates[direction], { forbidden: Buffer.from(text), holds: false });
  }

  /** From now on nothing passes any more on a connection from these bytes on, until `letPass`. */
  hold(text: string, direction: Direction): void {
    Object.assign(this.#gates[direction], { forbidden: Buffer.from(text), holds: true });
  }

  /** New connections are neither reset nor held. */
  letPass(): void {
    for (const gate of Object.values(this.#gates)) gate.forbidden = undefined;
  }

  /** What was held so far passes after all. */
  release(): void {
    for (const pipe of this.#pipes) pipe.release();
  }

  /** How often what is forbidden came. */
  get met(): number {
    return this.#gates.up.met + this.#gates.down.met;
  }

  /** Ends all connections with RST in place of FIN. */
  reset(): void {
    for (const { client, server } of this.#pairs) {
      reset(client);
      reset(server);
    }
  }

  /** New connections lead to another port. */
  leadTo(port: number): void {
    this.#target = port;
  }

  /** New connections are refused by the system; those there are stay. */
  refuse(): void {
    this.#listener.close();
  }

  /** Takes new connections (again), on the same port. */
  async accept(): Promise<void> {
    this.#listener.listen(this.#port, '127.0.0.1');
    await once(this.#listener, 'listening');
    this.#port = (this.#listener.address() as { port: number }).port;
  }

  async close(): Promise<void> {
    const sockets = [...this.#pairs].flatMap(({ client, server }) => [client, server]);
    this.refuse();
    this.cut();
    for (const { server } of this.#abandoned) server.destroy();
    await Promise.all(sockets.filter((socket) => !socket.closed).map((socket) => once(socket, 'close')));
  }

  #connect(client: Socket): void {
    const server = createConnection({
      host: this.#options.host ?? '127.0.0.1',
      port: this.#target,
      allowHalfOpen: true,
      noDelay: true,
    });
    const up = new ProxyPipe(client, server, this.#gates.up);
    const down = new ProxyPipe(server, client, this.#gates.down);
    const pair = { client, server, up, down };
    const pipes = [up, down];
    this.#pairs.add(pair);
    for (const pipe of pipes) this.#pipes.add(pipe);
    const forget = (): void => {
      if (this.#abandoned.has(pair)) return;
      this.#pairs.delete(pair);
      for (const pipe of pipes) this.#pipes.delete(pipe);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on('error', forget).on('close', forget);
  }

  async #deliver(pair: Pair): Promise<number> {
    const { server, up } = pair;
    const before = up.waiting;
    const closed = server.closed ? undefined : once(server, 'close');
    if (!server.destroyed) {
      up.hurry();
      server.end();
    }
    await closed;
    this.#abandoned.delete(pair);
    return server.errored === null && server.readableEnded ? before : 0;
  }

  #setOpen(open: boolean, direction?: Direction): void {
    for (const each of direction === undefined ? (['up', 'down'] as const) : [direction]) {
      this.#gates[each].open = open;
    }
    for (const pipe of this.#pipes) pipe.move();
  }
}
