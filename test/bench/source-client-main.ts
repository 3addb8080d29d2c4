// The program of that client: source-client-main PORT [CA] does GET every 2 ms until its input ends, then prints what it waited.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { TestClient } from '../support/client.ts';
import type { Waits } from './source-client.ts';

const EVERY_MS = 2;

const [port, ca] = process.argv.slice(2);
const client = await TestClient.connect({
  port: Number(port),
  tls: ca ? { ca: readFileSync(ca), servername: 'localhost' } : undefined,
});
const waits: number[] = [];

/** At every tick, whatever is still due: a client that asked one thing at a time would ask least just when it has to wait. */
const asking = setInterval(() => {
  const start = performance.now();
  // A key of another node is answered as well.
  void client.pipeline([['GET', 'bench:none']]).then(() => waits.push(performance.now() - start));
}, EVERY_MS);

process.stdout.write('asking\n');
await once(process.stdin.resume(), 'end');
clearInterval(asking);
await client.pipeline([['PING']]);
const sorted = waits.toSorted((a, b) => a - b);
const result: Omit<Waits, 'fork'> = { p99: sorted[Math.floor(sorted.length * 0.99)] ?? 0, max: sorted.at(-1) ?? 0 };
process.stdout.write(`${JSON.stringify(result)}\n`);
await client.close();
