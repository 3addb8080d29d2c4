// A RedisTarget before a real server, fed by hand through a channel, and what it tells.
import type { TestContext } from 'node:test';
import { Channel } from '../../src/flow/channel.ts';
import { Deployment } from '../../src/cluster/deployment.ts';
import { newEntry, type Entry } from '../../src/flow/entry.ts';
import { TransferLimits } from '../../src/server/transfer-limits.ts';
import { RateLimit } from '../../src/target/rate-limit.ts';
import { RedisTarget, type RedisTargetOptions } from '../../src/target/redis-target.ts';

const MOST_BYTES = 512 * 1024 * 1024;

export interface HandFedTarget {
  readonly channel: Channel;
  /** Puts an entry in, and waits until it is settled. */
  readonly write: (entry: Partial<Entry>) => Promise<void>;
  /** What was told and asked for, in order, in words. */
  readonly told: readonly string[];
  /** Keys of which it was told that what was said against them is over. */
  readonly inPlace: readonly string[];
  /** Nothing more comes: resolves when the target has had its last look, and rejects with what it says against it. */
  readonly finish: () => Promise<void>;
  readonly unanswered: RedisTarget['unanswered'];
  /** The least number of replicas of any node that have all that was acknowledged. */
  readonly waitReplicas: (replicas: number, timeoutMs: number) => Promise<number>;
}

const OVER = new Error('The test is over');

export async function handFeed(
  t: TestContext,
  port: number,
  options: Partial<RedisTargetOptions> = {},
): Promise<HandFedTarget> {
  const access = { role: 'target', purpose: 'write', timeout: 5000, probes: [] } as const;
  const unset = { username: undefined, password: undefined, tls: undefined, signal: undefined };
  const address = { kind: 'tcp', host: '127.0.0.1', port, tls: false } as const;
  const deployment = await Deployment.open({
    address,
    access: { ...access, ...unset },
    sentinelPassword: undefined,
    nat: [],
    db: 0,
    retry: { retries: 0, longest: 0 },
    onReconnect: () => {},
  });
  const channel = new Channel({ maxEntries: 10_000, maxBytes: 1e6 });
  const told: string[] = [];
  const inPlace: string[] = [];
  const target = new RedisTarget(
    deployment,
    {
      again: ({ key }) => told.push(`again ${key.toString()}`),
      againInPieces: ({ key }) => told.push(`again in pieces ${key.toString()}`) > 0,
      rescan: () => told.push('rescan'),
    },
    {
      mode: 'exact',
      clock: Date.now,
      replace: true,
      mostBytes: MOST_BYTES,
      limits: new TransferLimits(MOST_BYTES),
      bigKey: 64 * 1024 * 1024,
      atOnce: 1,
      gatherBytes: 0,
      targetDbOf: (db) => db,
      targetNameOf: (key) => key,
      renames: true,
      written: undefined,
      collisions: undefined,
      limit: new RateLimit(),
      retry: { retries: 3, longest: 100 },
      onReconnect: ({ attempt }) => told.push(`reconnect ${attempt}`),
      ...options,
    },
    {
      onWritten: (keys, bytes) => told.push(`written ${keys} of ${bytes} bytes`),
      onRemoved: (keys) => told.push(`removed ${keys}`),
      onConverted: () => told.push('converted'),
      onExpired: () => told.push('expired'),
      onInPlace: ({ key }) => inPlace.push(key.toString()),
      onWriteRefused: (db, key, { code }) => told.push(`refused ${db} ${key.toString()} ${code}`),
      onTargetReplaced: () => told.push('replaced'),
      onMissing: (_, keys, looked) => told.push(`missing ${keys.length} of ${looked}`),
      onUnsaid: (_, what, { code }) => told.push(`unsaid ${what} ${code}`),
      onUnwatched: () => told.push('unwatched'),
      onNotice: ({ slots }) => told.push(`held up ${slots.describe()}`),
      onRepeated: () => told.push('repeated'),
    },
  );
  const writing = target.write(channel);
  t.after(async () => {
    channel.abort(OVER);
    await writing.catch(() => {});
  });
  const finish = (): Promise<void> => {
    channel.close();
    return writing;
  };
  const write = async (entry: Partial<Entry>): Promise<void> => {
    const kind = entry.large ? 'large' : entry.payload ? 'value' : 'name';
    channel.push({ ...newEntry(), kind, ...entry });
    await channel.settled();
  };
  const unanswered: RedisTarget['unanswered'] = () => target.unanswered();
  const waitReplicas: HandFedTarget['waitReplicas'] = (replicas, timeoutMs) =>
    target.ask((nodes) => nodes.waitForReplicas(replicas, timeoutMs));
  return { channel, write, told, inPlace, finish, unanswered, waitReplicas };
}
