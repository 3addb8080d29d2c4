// A real server of the tests' own, on a free port, in an empty folder, that keeps nothing and does not outlive the test.
import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { authority, certificates, type Certificate } from './certificates.ts';
import { TestClient } from './client.ts';
import { killAtExit } from './kill-at-exit.ts';

export interface ServerOptions {
  /** Default: RUMP_TEST_SERVER, else redis-server or valkey-server, whichever PATH has. */
  readonly binary?: string | undefined;
  /** Further arguments of the server: `['--maxmemory', '10mb']`. */
  readonly args?: readonly string[];
  /** Its port speaks TLS and nothing else: to every client, or to those only that show a certificate of the authority. */
  readonly tls?: 'server' | 'mutual' | undefined;
  /** What it shows under TLS. Default: one of the authority for localhost, 127.0.0.1 and ::1. */
  readonly certificate?: Certificate | undefined;
  /** It listens at `socket` as well. */
  readonly unix?: boolean;
  /** The port of a server that has ended, which this one takes the place of. Default: a free one. */
  readonly port?: number;
}

const START_MS = 30_000;
const POLL_MS = 3;
const ATTEMPTS = 5;
const LAST_WORDS_MS = 1000;
/**
 * Below what systems give to outgoing connections, 32,768 on Linux, also 10,000 higher, where a cluster node listens as well:
 * so no connection takes the port of a server that is about to begin, or to come back.
 */
const PORTS = { first: 10_000, end: 22_000 } as const;
const SOCKET = 'server.sock';

/** Waits until the server answers. */
export function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const { binary, args = [], tls, certificate = certificates.server, unix = false } = options;
  return launch((free) => {
    const { port = free } = options;
    const place =
      tls === undefined ? ['--port', String(port)] : ['--port', '0', ...tlsArguments(port, tls, certificate)];
    const habits = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--daemonize', 'no'];
    // A primary waits 5 s for further replicas before it sends its data.
    const soon = ['--repl-diskless-sync-delay', '0'];
    const socket = unix ? ['--unixsocket', SOCKET] : [];
    return new TestServer({ binary, port, tls, args: () => [...place, ...habits, ...soon, ...socket, ...args] });
  });
}

/** Starts it on a free port; anew where another process takes the port between our look at it and the server's. */
export async function launch(create: (port: number) => TestServer): Promise<TestServer> {
  for (let attempt = 1; ; attempt += 1) {
    const server = create(await freePort());
    try {
      await server.answers();
      return server;
    } catch (error) {
      await server.stop();
      if (attempt === ATTEMPTS || !/in use/i.test(String(error))) throw error;
    }
  }
}

export interface Launch {
  readonly binary?: string | undefined;
  readonly port: number;
  readonly tls?: 'server' | 'mutual' | undefined;
  /** The command line, where `dir` is the empty folder that it is started in. */
  readonly args: (dir: string) => readonly string[];
}

export class TestServer {
  readonly port: number;
  readonly tls: boolean;
  readonly url: string;
  readonly dir: string;
  /** The path of its Unix socket, if it was told to have one. */
  readonly socket: string;
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;
  readonly #clients: TestClient[] = [];
  #isUntouched = true;
  #log = '';

  constructor({ binary = defaultBinary(), port, tls, args }: Launch) {
    this.port = port;
    this.tls = tls !== undefined;
    this.url = `${this.tls ? 'rediss' : 'redis'}://127.0.0.1:${port}`;
    this.dir = mkdtempSync(join(tmpdir(), 'rump-server-'));
    this.socket = join(this.dir, SOCKET);
    this.#child = spawn(binary, args(this.dir), { cwd: this.dir, stdio: ['ignore', 'pipe', 'pipe'] });
    killAtExit(this.#child, this.dir);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.#log = `${this.#log}${chunk.toString('latin1')}`.slice(-20_000)));
    }
    this.#gone = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#log = error.message;
        resolve(undefined);
      });
      this.#child.once('close', resolve);
      // A process that it forked to write a snapshot may outlive it, and hold its output open.
      this.#child.once('exit', () => setTimeout(() => this.#hangUp(resolve), LAST_WORDS_MS).unref());
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** What the server wrote lately, for a test that has to know why. */
  get log(): string {
    return this.#log;
  }

  /** Whether it has run all the time since it was started, and nothing was changed of it that it does not tell. */
  get isUntouched(): boolean {
    return this.#isUntouched && !this.#clients.some(({ hasAltered }) => hasAltered);
  }

  /** A client of this server, on the given database; `stop` closes it. */
  async client(db = 0): Promise<TestClient> {
    const client = await this.#connect();
    this.#clients.push(client);
    if (db !== 0) await client.send('SELECT', db);
    return client;
  }

  /** Ends the server at once, whatever it is doing, and removes its folder. */
  async stop(): Promise<void> {
    await this.kill('SIGKILL');
    await Promise.all(this.#clients.map((client) => client.close()));
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Without clients, and nothing that keeps the process of the tests, until `wake`. */
  async rest(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((client) => client.close()));
    for (const each of this.#handles()) each.unref();
  }

  wake(): void {
    for (const each of this.#handles()) each.ref();
  }

  /** Resolves when the server has ended. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#isUntouched = false;
    this.#child.kill(signal);
    await this.#gone;
  }

  /** The server keeps its connections and answers no more. */
  pause(): void {
    this.#isUntouched = false;
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** Rejects when the server ends before it answers. */
  async answers(): Promise<void> {
    const ended = this.#gone.then(() => true);
    for (const deadline = Date.now() + START_MS; Date.now() < deadline;) {
      if (await this.#answersNow()) return;
      if (await Promise.race([ended, sleep(POLL_MS, false)])) break;
    }
    throw new Error(`Cannot start ${this.#child.spawnfile}: ${this.#log.trim().split('\n').slice(-4).join(' | ')}`);
  }

  #handles(): readonly (ChildProcess | Socket)[] {
    // Pipes to a child are sockets.
    return [this.#child, this.#child.stdout as Socket, this.#child.stderr as Socket];
  }

  #hangUp(andThen: (none: undefined) => void): void {
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.destroy();
    andThen(undefined);
  }

  /** Whom it trusts is a matter for other tests: this client takes every certificate, and shows a good one. */
  #connect(): Promise<TestClient> {
    const { cert, key } = certificates.client;
    return TestClient.connect({
      port: this.port,
      tls: this.tls ? { cert, key, rejectUnauthorized: false } : undefined,
    });
  }

  async #answersNow(): Promise<boolean> {
    const client = await this.#connect().catch(() => undefined);
    if (client === undefined) return false;
    try {
      const [pong, info] = await client.pipeline([['PING'], ['INFO', 'server']]);
      // A server that wants a password refuses both, and has started nonetheless.
      if (String(pong) !== 'PONG') return /NOAUTH|NOPERM/.test(String(pong));
      // On a port that another process took first, it is that other server that answers.
      return !Buffer.isBuffer(info) || info.toString().includes(`process_id:${this.pid}\r\n`);
    } catch {
      return false;
    } finally {
      await client.close();
    }
  }
}

/** A port that speaks TLS; what else the server listens at is not said here. */
export function tlsArguments(port: number, tls: 'server' | 'mutual', { certFile, keyFile }: Certificate): string[] {
  const own = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', authority.certFile];
  return ['--tls-port', String(port), ...own, '--tls-auth-clients', tls === 'mutual' ? 'yes' : 'no'];
}

// A rump that is started from here would warn of a variable that is none of its own.
const chosenBinary = process.env['RUMP_TEST_SERVER'];
delete process.env['RUMP_TEST_SERVER'];

function defaultBinary(): string {
  if (chosenBinary) return chosenBinary;
  const found = ['redis-server', 'valkey-server'].find(isOnPath);
  if (found === undefined) throw new Error('Neither redis-server nor valkey-server is on PATH');
  return found;
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** One that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.first, PORTS.end);
    const probe = createServer().listen(port, '127.0.0.1');
    const isFree = await once(probe, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    probe.close();
    await once(probe, 'close');
    return port;
  }
}
