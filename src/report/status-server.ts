// A small HTTP server that shows a run; the one place with node:http. Whoever asks can neither slow the run nor hold its memory:
// connections, headers, time and requests have bounds. What it answers is others' concern.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { RespError, type TcpPeer } from '../../resp/errors.ts';

export interface Answer {
  readonly status: number;
  /** The media type. */
  readonly type: string;
  readonly body: string | Buffer;
  /** What a page may load, as a Content-Security-Policy. Default: nothing. */
  readonly policy?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface StatusServerOptions extends TcpPeer {
  /** @param accept what the client would have, of the header @returns `undefined` where nothing has this path */
  readonly answer: (path: string, accept: string) => Answer | undefined;
  /** What is answered at once, whoever else waits: it has to be cheap. */
  readonly isUrgent?: (path: string) => boolean;
  readonly limits?: Partial<StatusLimits>;
}

export interface StatusLimits {
  /** At once. */
  readonly connections: number;
  /** Answered in a second; those above it are answered when it is their turn. */
  readonly requests: number;
  /** Milliseconds for a request to come, for the next one, and for a client that reads nothing. */
  readonly requestMs: number;
  readonly keepAliveMs: number;
  readonly stalledMs: number;
  /** Milliseconds after which a connection that has asked for nothing goes where others want in. */
  readonly restMs: number;
}

const LIMITS: StatusLimits = {
  connections: 64,
  requests: 100,
  requestMs: 5000,
  keepAliveMs: 5000,
  stalledMs: 30_000,
  restMs: 1000,
};
const HEADER_BYTES = 8 * 1024;
/** Milliseconds whose requests may come at once. */
const BURST_MS = 200;
/** Requests of one connection that wait for their answers. */
const MOST_PENDING = 8;
/** The longest that an answer waits for the run to end, in seconds; and for a client to take it once it has, in milliseconds. */
const MOST_WAIT_S = 10;
const LINGER_MS = 500;
const METHODS = 'GET, HEAD';
const NOTHING = "default-src 'none'";
const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|::1|::ffff:127(?:\.\d{1,3}){3})$/;
/** Names of this machine that no name server of others can give. */
const LOCAL_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;

type Socket = IncomingMessage['socket'];

/** Where a server listens. */
interface Place {
  readonly address: string;
  readonly port: number;
}

interface Client {
  /** When it has asked for something last, or been answered. */
  activeAt: number;
  /** Answers that it has not been given whole. */
  pending: number;
  /** It was given one. */
  isAnswered: boolean;
}

export class StatusServer {
  readonly #options: StatusServerOptions;
  readonly #limits: StatusLimits;
  readonly #server: Server;
  readonly #clients = new Map<Socket, Client>();
  /** What answers requests that wait for the end of the run. */
  readonly #waiting = new Set<() => void>();
  #place: Place = { address: '', port: 0 };
  /** When the next request may be answered, but for the burst. */
  #dueAt = -Infinity;

  private constructor(options: StatusServerOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    const { requestMs, keepAliveMs, stalledMs } = this.#limits;
    const server = createServer({
      maxHeaderSize: HEADER_BYTES,
      headersTimeout: requestMs,
      requestTimeout: requestMs,
      keepAliveTimeout: keepAliveMs,
      connectionsCheckingInterval: Math.min(requestMs, 1000),
    });
    server.on('connection', (socket: Socket) => this.#admit(socket));
    server.on('request', (request: IncomingMessage, response: ServerResponse) => this.#onRequest(request, response));
    server.timeout = stalledMs;
    this.#server = server;
  }

  /** @throws RespError where it cannot listen there */
  static async open(options: StatusServerOptions): Promise<StatusServer> {
    const { host, port } = options;
    const status = new StatusServer(options);
    const server = status.#server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(whyNot(options, error)));
      server.listen({ host, port }, resolve);
    });
    status.#place = server.address() as Place;
    // What cannot be accepted, for want of descriptors, is no reason to end; nor does it keep a process that nothing else keeps.
    server.on('error', () => {});
    server.unref();
    return status;
  }

  /** Where it is reached. */
  get url(): string {
    const { address, port } = this.#place;
    return `http://${address.includes(':') ? `[${address}]` : address}:${port}/`;
  }

  /** Whether only this machine can reach it. */
  get isLocal(): boolean {
    return LOOPBACK.test(this.#place.address);
  }

  /** Who waits is answered now; then it hangs up on all. It keeps no process alive. */
  close(): void {
    const server = this.#server;
    server.close();
    for (const answer of this.#waiting) answer();
    for (const [socket, { pending }] of this.#clients) if (pending === 0) socket.destroy();
    setTimeout(() => server.closeAllConnections(), LINGER_MS).unref();
  }

  #admit(socket: Socket): void {
    const clients = this.#clients;
    if (clients.size >= this.#limits.connections) {
      const restedAt = performance.now() - this.#limits.restMs;
      const free = [...clients].filter(([, client]) => isSpare(client) || client.activeAt <= restedAt);
      if (free.length === 0) return void socket.destroy();
      const [idlest] = free.reduce((one, other) => (isIdler(other[1], one[1]) ? other : one));
      idlest.destroy();
      clients.delete(idlest);
    }
    clients.set(socket, { activeAt: performance.now(), pending: 0, isAnswered: false });
    socket.on('close', () => clients.delete(socket));
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const client = this.#clients.get(request.socket);
    // It is on its way out.
    if (client === undefined) return void request.socket.destroy();
    if (client.pending === MOST_PENDING) return void request.socket.destroy();
    client.activeAt = performance.now();
    client.pending++;
    response.on('close', () => {
      client.activeAt = performance.now();
      client.pending--;
      client.isAnswered = true;
      if (!this.#server.listening) request.socket.destroySoon();
    });
    // What is sent to us is not read.
    if (request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0)
      response.shouldKeepAlive = false;
    const refusal = this.#refusalOf(request);
    const turn = this.#options.isUrgent?.(pathOf(request)) === true ? 0 : this.#turn();
    const wait = refusal === undefined ? waitOf(request) : 0;
    if (Math.max(turn, wait) === 0) this.#respond(request, response, refusal);
    else this.#respondLater(request, response, Math.max(turn, wait), refusal);
  }

  /** @returns milliseconds until one more request is answered */
  #turn(): number {
    const now = performance.now();
    this.#dueAt = Math.max(this.#dueAt, now - BURST_MS) + 1000 / this.#limits.requests;
    return Math.max(0, this.#dueAt - now);
  }

  /** The client has it after so many milliseconds, or once the run has ended. */
  #respondLater(request: IncomingMessage, response: ServerResponse, ms: number, refusal?: Answer): void {
    const onDue = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(onDue);
      this.#respond(request, response, refusal);
    };
    const timer = setTimeout(onDue, ms).unref();
    this.#waiting.add(onDue);
    response.on('close', () => {
      clearTimeout(timer);
      // Who hangs up before leaves the turn to others.
      if (this.#waiting.delete(onDue)) this.#dueAt -= 1000 / this.#limits.requests;
    });
  }

  /** What cannot be made is no reason to end the run. */
  #answer(request: IncomingMessage): Answer | undefined {
    try {
      return this.#options.answer(pathOf(request), request.headers.accept ?? '');
    } catch {
      return saying(500, 'Cannot answer: this cannot be shown now');
    }
  }

  #refusalOf({ method, headers: { host = '' } }: IncomingMessage): Answer | undefined {
    if (method !== 'GET' && method !== 'HEAD') return saying(405, `Cannot answer ${method}: this can only be read`);
    // A page of others whose name leads here must not read it: it has another name than ours.
    const name = host.replace(/:\d*$/, '').toLowerCase();
    if (!this.isLocal || LOCAL_HOST.test(name) || name === this.#options.host.toLowerCase()) return undefined;
    return saying(421, 'Cannot answer for this host: ask for localhost');
  }

  #respond(request: IncomingMessage, response: ServerResponse, refusal?: Answer): void {
    const { method } = request;
    const found = refusal ?? this.#answer(request);
    const {
      status,
      type,
      body,
      policy,
      headers: more,
    } = found ?? saying(404, 'There is nothing here: see /, /status, /metrics');
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    if (!this.#server.listening) response.shouldKeepAlive = false;
    response.writeHead(status, {
      'Content-Type': type,
      'Content-Length': bytes.length,
      'Content-Security-Policy': `${policy ?? NOTHING}; frame-ancestors 'none'`,
      'Cache-Control': 'no-store',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
      ...(status === 405 && { Allow: METHODS }),
      ...more,
    });
    response.end(method === 'HEAD' ? undefined : bytes);
  }
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0]!;
}

/** It has what it came for: were it kept for its next question, those that ask all the time would lock all others out. */
function isSpare({ pending, isAnswered }: Client): boolean {
  return isAnswered && pending === 0;
}

function isIdler(one: Client, other: Client): boolean {
  if (one.pending > 0 !== other.pending > 0) return other.pending > 0;
  return one.activeAt < other.activeAt;
}

/** Milliseconds that the client would wait for the end of the run, by RFC 7240; 0 where it would not. */
function waitOf({ headers: { prefer } }: IncomingMessage): number {
  const [, seconds = '0'] = /^wait=(\d{1,6})$/.exec(String(prefer ?? '')) ?? [];
  return Math.min(Number(seconds), MOST_WAIT_S) * 1000;
}

function saying(status: number, text: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` };
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'no permission',
  EADDRINUSE: 'another process listens there',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'no host has this name',
  EAI_AGAIN: 'the name of the host cannot be found now',
};

function whyNot({ host, port }: TcpPeer, error: NodeJS.ErrnoException): RespError {
  const { code = 'LISTEN', message } = error;
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return new RespError(code, `Cannot listen on ${where}: ${REASONS[code] ?? message}`, {
    peer: { host, port },
    cause: error,
  });
}
