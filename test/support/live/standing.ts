// A server that has the doors of a run before it, one for rump and one for writers, and may be ended, begun again from what
// it kept, or replaced by its replica.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer, type TestServer } from '../redis-server.ts';
import { startReplica } from '../replica.ts';
import { startProxy, type TcpProxy } from '../tcp-proxy.ts';
import { serverSide, type Side } from './sides.ts';

export interface StandingOptions {
  readonly binary?: string | undefined;
  readonly args?: readonly string[];
  /** What was acknowledged outlives the server. */
  readonly keeps?: boolean;
  /** It has one that is in step. */
  readonly replica?: boolean;
  readonly databases?: readonly number[];
}

/** rump reads the source as a user who may not write. */
const READER = 'rump:secret';
const POLL_MS = 10;

export class Standing {
  readonly door: TcpProxy;
  readonly writersDoor: TcpProxy;
  readonly side: Side;
  #server: TestServer;
  #replica: TestServer | undefined;
  /** Those that have ended as well. */
  readonly #all: TestServer[];
  readonly #start: () => Promise<TestServer>;

  static async start(t: TestContext, options: StandingOptions = {}): Promise<Standing> {
    const { binary, args = [], keeps = false, databases = [0, 1] } = options;
    const dir = mkdtempSync(join(tmpdir(), 'rump-standing-'));
    const kept = keeps ? ['--dir', dir, '--appendonly', 'yes', '--appendfsync', 'always'] : [];
    const start = { binary, args: [...readerOf(binary), ...kept, ...args] };
    const server = await startServer(start);
    const replica = options.replica === true ? await startReplica(server, start) : undefined;
    const doors = await Promise.all([startProxy(server), startProxy(server)]);
    const again = (): Promise<TestServer> => startServer({ ...start, port: server.port });
    const standing = new Standing({ server, replica, doors, databases, again });
    t.after(async () => {
      await Promise.all(doors.map((door) => door.close()));
      await Promise.all(standing.#all.map((each) => each.stop()));
      rmSync(dir, { recursive: true, force: true });
    });
    return standing;
  }

  private constructor(parts: {
    readonly server: TestServer;
    readonly replica: TestServer | undefined;
    readonly doors: readonly [TcpProxy, TcpProxy];
    readonly databases: readonly number[];
    readonly again: () => Promise<TestServer>;
  }) {
    this.#server = parts.server;
    this.#replica = parts.replica;
    this.#all = [parts.server, parts.replica].filter((each) => each !== undefined);
    [this.door, this.writersDoor] = parts.doors;
    this.#start = parts.again;
    this.side = serverSide(() => this.#server, parts.databases, this.writersDoor.port);
  }

  /** Who serves now. */
  get server(): TestServer {
    return this.#server;
  }

  /** What rump is given, with the right to read only. */
  get readerUrl(): string {
    return `redis://${READER}@127.0.0.1:${this.door.port}`;
  }

  get url(): string {
    return this.door.url;
  }

  async restart(): Promise<void> {
    await this.#server.kill();
    this.#server = await this.#start();
    this.#all.push(this.#server);
  }

  /** The primary is lost, with what its replica did not have yet. */
  async failOver(): Promise<void> {
    const replica = this.#replica!;
    await this.#server.kill();
    await (await replica.client()).send('REPLICAOF', 'NO', 'ONE');
    this.#lead(replica);
    this.#replica = undefined;
  }

  /** The replica takes over with everything, and the primary becomes its replica. */
  async handOver(): Promise<void> {
    const [old, next] = [this.#server, this.#replica!];
    const [before, after] = await Promise.all([old.client(), next.client()]);
    await before.send('FAILOVER', 'TIMEOUT', 5000);
    while (String(((await after.send('ROLE')) as unknown[])[0]) !== 'master') await sleep(POLL_MS);
    this.#lead(next);
    this.#replica = old;
  }

  /** As a balancer does it: connections are ended, and new ones go elsewhere. */
  #lead(server: TestServer): void {
    for (const door of [this.door, this.writersDoor]) {
      door.leadTo(server.port);
      door.reset();
    }
    this.#server = server;
  }
}

function readerOf(binary: string | undefined): string[] {
  // Channels are none of the rights before 6.2.
  const channels = binary?.endsWith('redis-6.0') === true ? [] : ['&*'];
  const [name, password] = READER.split(':') as [string, string];
  return ['--user', name, 'on', `>${password}`, '~*', ...channels, '+@all', '-@write'];
}
