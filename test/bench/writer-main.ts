// The program of a writer: writer-main PORT KIND RATE WRITES sends so many commands a second, steadily and without waiting for
// replies, and ends when all of them are acknowledged. It prints the commands a second that it came to.
import { setTimeout as sleep } from 'node:timers/promises';
import { TestClient } from '../support/client.ts';
import type { Argument } from '../support/frames.ts';
import { writesOf, type WriteKind } from './writes.ts';

const TICK_MS = 2;

const [port, kind, rate, count] = process.argv.slice(2);
const client = await TestClient.connect({ port: Number(port) });
const writes = writesOf(kind as WriteKind);
const start = performance.now();
const answers: Promise<void>[] = [];
let sent = 0;
while (sent < Number(count)) {
  const due = Math.min(Number(count), Math.ceil(((performance.now() - start) / 1000) * Number(rate)));
  const batch = [];
  for (; sent < due; sent += 1) batch.push(writes.next().value);
  answers.push(acknowledged(batch));
  await sleep(TICK_MS);
}
await Promise.all(answers);
process.stdout.write(`${sent / ((performance.now() - start) / 1000)}\n`);
await client.close();

async function acknowledged(batch: Argument[][]): Promise<void> {
  const refusal = (await client.pipeline(batch)).find((reply) => reply instanceof Error);
  if (refusal !== undefined) throw refusal;
}
