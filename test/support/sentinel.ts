// A real sentinel of the tests' own, which watches one primary and is quick to see that it is gone.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { certificates } from './certificates.ts';
import { launch, TestServer, tlsArguments } from './redis-server.ts';

export interface SentinelOptions {
  /** What it watches; with a primary that speaks TLS it does so as well. */
  readonly primary: TestServer;
  /** Default: `main`. */
  readonly service?: string;
  /** How many have to see the primary down before this one begins a failover. Default 1: it alone decides. */
  readonly quorum?: number;
  /** Milliseconds of silence after which it takes the primary for gone. */
  readonly downAfter?: number;
  /** What it demands of its own clients. */
  readonly password?: string;
  /** Its port speaks TLS and nothing else. */
  readonly tls?: 'server' | 'mutual' | undefined;
  readonly binary?: string;
}

const DOWN_AFTER_MS = 400;
const FAILOVER_MS = 20_000;
const POLL_MS = 25;

/** Waits until it answers. Its `stop` ends it, as with any server. */
export function startSentinel(options: SentinelOptions): Promise<TestServer> {
  const { binary, tls } = options;
  return launch(
    (port) => new TestServer({ binary, port, tls, args: (dir) => [configure(dir, port, options), '--sentinel'] }),
  );
}

/** Resolves when the sentinel names this server as the primary; it has to know it as a replica before. */
export async function untilPrimary(sentinel: TestServer, to: TestServer, service = 'main'): Promise<void> {
  const client = await sentinel.client();
  for (const deadline = Date.now() + FAILOVER_MS; Date.now() < deadline;) {
    const address = await client.send('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', service);
    if (Array.isArray(address) && String(address[1]) === String(to.port)) return;
    await sleep(POLL_MS);
  }
  throw new Error(`The sentinel made no primary of ${to.port}: ${sentinel.log}`);
}

/** Resolves when the sentinel knows a replica that could take over. */
export async function untilReplicaKnown(sentinel: TestServer, service = 'main'): Promise<void> {
  const client = await sentinel.client();
  for (const deadline = Date.now() + FAILOVER_MS; Date.now() < deadline;) {
    const replicas = await client.send('SENTINEL', 'REPLICAS', service);
    if (/master-link-status,ok/.test(String(replicas))) return;
    await sleep(POLL_MS);
  }
  throw new Error(`The sentinel found no replica: ${sentinel.log}`);
}

/** A sentinel writes to its file as well, and keeps there what it learned. */
function configure(dir: string, port: number, options: SentinelOptions): string {
  const { primary, service = 'main', quorum = 1, downAfter = DOWN_AFTER_MS, password, tls } = options;
  const place = tls === undefined ? [['port', port]] : [['port', 0], ...tlsLines(port, tls)];
  const lines = [
    ...place,
    ...(primary.tls && tls === undefined ? tlsLines(0, 'server') : []),
    ...(primary.tls ? [['tls-replication', 'yes']] : []),
    ...(password === undefined ? [] : [['requirepass', password]]),
    ['bind', '127.0.0.1'],
    ['dir', dir],
    ['sentinel monitor', service, '127.0.0.1', primary.port, quorum],
    ['sentinel down-after-milliseconds', service, downAfter],
    ['sentinel failover-timeout', service, FAILOVER_MS],
  ];
  const path = join(dir, 'sentinel.conf');
  writeFileSync(path, lines.map((words) => `${words.join(' ')}\n`).join(''));
  return path;
}

function tlsLines(port: number, tls: 'server' | 'mutual'): (string | number)[][] {
  const words = tlsArguments(port, tls, certificates.server);
  return words.flatMap((word, i) => (i % 2 === 0 ? [[word.slice('--'.length), words[i + 1]!]] : []));
}
