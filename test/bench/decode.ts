// How fast payloads become values: keys of the dataset `mixed` as a real server dumps them, all together and by type.
import { Bench } from 'tinybench';
import { Crc64 } from '../../src/rdb/crc64.ts';
import { decodePayload } from '../../src/rdb/decode.ts';
import { typeOf } from '../../src/rdb/payload.ts';
import type { TestClient } from '../support/client.ts';
import { startServer } from '../support/redis-server.ts';
import { commandsOf, datasets, scaled } from './dataset.ts';
import type { DecodeFigures, DecodeResult } from './decode-result.ts';
import { describeMachine, describeServer } from './machine.ts';

/** Of the keys of `mixed`; more of them say nothing else. */
const SHARE = 0.05;
/** Of each row. */
const LEAST_MS = 2000;
const WARM_UP_MS = 500;

export interface DecodeOptions {
  readonly scale: number;
  /** Default: the one on PATH. */
  readonly server: string | undefined;
}

export async function measureDecode({ scale, server }: DecodeOptions): Promise<DecodeResult> {
  const { payloads, server: description } = await readMixed(server, scale * SHARE);
  const rows: [name: string, payloads: readonly Buffer[], work: (payload: Buffer) => unknown][] = [
    ['all of mixed', payloads, decodePayload],
    ...[...byType(payloads)].map(([name, some]) => [name, some, decodePayload] satisfies (typeof rows)[number]),
    ['the checksum alone', payloads, (payload) => new Crc64().update(payload).low],
  ];
  const bench = new Bench({ now: processorTime, time: LEAST_MS, warmupTime: WARM_UP_MS, throws: true });
  for (const [name, some, work] of rows) {
    bench.add(name, () => {
      // What is returned was made, whatever the compiler thinks of it.
      let last: unknown;
      for (const payload of some) last = work(payload);
      return last;
    });
  }
  bench.runSync();
  return {
    date: new Date().toISOString(),
    bench: 'decode',
    scale,
    server: description,
    ...describeMachine(),
    rows: rows.map(([name, some], index) => figuresOf(name, some, bench.tasks[index]!.result)),
  };
}

async function readMixed(binary: string | undefined, share: number): Promise<{ payloads: Buffer[]; server: string }> {
  const server = await startServer(binary === undefined ? {} : { binary });
  try {
    const client = await server.client();
    await client.pipeline([...commandsOf(scaled(datasets.mixed, share))]);
    return { payloads: await dumpAll(client), server: await describeServer(client) };
  } finally {
    await server.stop();
  }
}

async function dumpAll(client: TestClient): Promise<Buffer[]> {
  const keys = (await client.send('KEYS', '*')) as Buffer[];
  return (await client.pipeline(keys.map((key) => ['DUMP', key]))) as Buffer[];
}

function byType(payloads: readonly Buffer[]): Map<string, Buffer[]> {
  const types = new Map<string, Buffer[]>();
  for (const payload of payloads) {
    const name = `${typeOf(payload)}, type byte ${payload[0]}`;
    const same = types.get(name);
    if (same === undefined) types.set(name, [payload]);
    else same.push(payload);
  }
  return types;
}

/** Milliseconds, those of the compiler and the garbage collector included: others may be at work on this machine. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** One call of a task is all its payloads once. */
function figuresOf(name: string, payloads: readonly Buffer[], result: Bench['results'][number]): DecodeFigures {
  if (!('latency' in result)) throw new Error(`Cannot measure ${name}: it is ${result.state}`);
  const { p50, rme } = result.latency;
  const bytes = payloads.reduce((sum, { length }) => sum + length, 0);
  return { name, payloads: payloads.length, bytes, megabytesPerSecond: bytes / 1000 / p50, error: rme };
}
