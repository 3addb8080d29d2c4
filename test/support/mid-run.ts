// A copy that is held in its middle for as long as a test wants: some data is across, the rest waits behind a proxy.
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from './client.ts';
import { startRump, type RunningRump } from './rump.ts';
import { startPair, type PairOptions, type ServerPair } from './server-pair.ts';
import { startProxy, type TcpProxy } from './tcp-proxy.ts';

export interface MidRun extends ServerPair {
  readonly running: RunningRump;
  /** Before the side that is held; it is stalled, and `unstall` lets the copy go on. */
  readonly proxy: TcpProxy;
  /** `127.0.0.1:PORT` of each side, as rump sees it. */
  readonly where: Readonly<Record<'source' | 'target', string>>;
}

export interface MidRunOptions extends PairOptions {
  /** The side that the proxy stands before. */
  readonly held: 'source' | 'target';
  /** Further arguments of rump. */
  readonly args?: readonly string[];
  /** `spawnRump` where something is done to its process. */
  readonly start?: typeof startRump;
}

export const MID_RUN_KEYS = 2000;
const VALUE_BYTES = 10_000;
/** Far more than the servers say before the copy begins, and far less than the data. */
const UNDER_WAY_BYTES = 1_000_000;
/** Longer than a reply takes. */
const LOOK_MS = 25;

export async function holdMidRun(
  t: TestContext,
  { held, args = [], start = startRump, ...options }: MidRunOptions,
): Promise<MidRun> {
  const pair = await startPair(t, options);
  await pair.from.send('CONFIG', 'SET', 'rdbcompression', 'no');
  const value = Buffer.alloc(VALUE_BYTES, 'x');
  await pair.from.pipeline(Array.from({ length: MID_RUN_KEYS }, (_, i) => ['SET', `key:${i}`, value]));

  const proxy = await startProxy({ port: pair[held].port });
  t.after(() => proxy.close());
  const ports = { source: pair.source.port, target: pair.target.port, [held]: proxy.port };
  const where = { source: `127.0.0.1:${ports.source}`, target: `127.0.0.1:${ports.target}` };
  const endpoints = ['--from', `redis://${where.source}`, '--to', `redis://${where.target}`];
  // The smaller its buffer, the less of the rest is in rump already.
  const running = start([...endpoints, '--buffer', '1M', ...args]);
  await underWay(running, () => (held === 'source' ? proxy.bytesDown : proxy.bytesUp) > UNDER_WAY_BYTES);
  proxy.stall();
  await settled(running, pair.to);
  return { ...pair, running, proxy, where };
}

/** What had come to rump is written, and the target has said so. */
async function settled(running: RunningRump, target: TestClient): Promise<void> {
  let before = 0;
  await underWay(running, async () => {
    const keys = (await target.send('DBSIZE')) as number;
    const isSettled = keys > 0 && keys === before;
    before = keys;
    if (!isSettled) await sleep(LOOK_MS);
    return isSettled;
  });
}

/**
 * Resolves within `pollMs` or little more after the condition holds; rejects when rump ends before.
 * @param pollMs default: 5 where somebody is asked, who has other things to do, and 1 otherwise
 */
export async function underWay(
  running: RunningRump,
  holds: () => boolean | Promise<boolean>,
  pollMs?: number,
): Promise<void> {
  for (;;) {
    const answer = holds();
    if (await answer) return;
    if (running.child.exitCode !== null || running.child.signalCode !== null) {
      throw new Error(`rump ended before the copy was under way: ${running.stderr}`);
    }
    await sleep(pollMs ?? (answer instanceof Promise ? 5 : 1));
  }
}
