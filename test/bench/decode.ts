// How fast payloads become values: `node dist/test/bench/decode.js [SERVER]`, on keys of the dataset `mixed`, by type.
import { Crc64 } from '../../src/rdb/crc64.ts';
import { decodePayload } from '../../src/rdb/decode.ts';
import { typeOf } from '../../src/rdb/type-of.ts';
import { startServer } from '../support/redis-server.ts';
import { commandsOf, datasets, scaled } from './dataset.ts';

const KEYS = 5000;
const ROUNDS = 9;
/** Of one round. */
const LEAST_MS = 150;
const MEGABYTE = 1e6;

const payloads = await readMixed(process.argv[2]);
print('all of mixed', payloads, decodePayload);
const byType = new Map<string, Buffer[]>();
for (const payload of payloads) {
  const name = `${typeOf(payload)}, type byte ${payload[0]}`;
  byType.set(name, [...(byType.get(name) ?? []), payload]);
}
for (const [name, some] of byType) print(name, some, decodePayload);
print('checksum alone', payloads, (payload) => new Crc64().update(payload).low);

async function readMixed(binary: string | undefined): Promise<Buffer[]> {
  const server = await startServer(binary === undefined ? {} : { binary });
  try {
    const client = await server.client();
    await client.pipeline([...commandsOf(scaled(datasets.mixed, KEYS / datasets.mixed.keys))]);
    const keys = (await client.send('KEYS', '*')) as Buffer[];
    return (await client.pipeline(keys.map((key) => ['DUMP', key]))) as Buffer[];
  } finally {
    await server.stop();
  }
}

function print(name: string, payloads: readonly Buffer[], work: (payload: Buffer) => unknown): void {
  const bytes = payloads.reduce((sum, { length }) => sum + length, 0);
  const rates = Array.from({ length: ROUNDS }, () => rate(payloads, bytes, work)).toSorted((a, b) => a - b);
  const [median, best] = [rates[ROUNDS >> 1]!, rates[ROUNDS - 1]!];
  const keys = (median * MEGABYTE * payloads.length) / bytes;
  const figures = [
    `${median.toFixed(0).padStart(5)} MB/s`,
    `best ${best.toFixed(0)}`.padStart(10),
    `${Math.round(keys / 1000)}k payloads/s`.padStart(18),
    `${Math.round(bytes / payloads.length)} bytes each`.padStart(18),
  ];
  process.stdout.write(`${name.padEnd(24)}${figures.join('')}\n`);
}

/** By CPU time, that of the garbage collector included: others may be at work on this machine. */
function rate(payloads: readonly Buffer[], bytes: number, work: (payload: Buffer) => unknown): number {
  const start = process.cpuUsage();
  let done = 0;
  let elapsed = 0;
  while (elapsed < LEAST_MS) {
    for (const payload of payloads) work(payload);
    done += bytes;
    const { user, system } = process.cpuUsage(start);
    elapsed = (user + system) / 1000;
  }
  return done / MEGABYTE / (elapsed / 1000);
}
