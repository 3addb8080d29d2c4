// Puts a dataset into a server: a batch of commands on their way at a time, each reply looked at.
import type { TestClient } from '../support/client.ts';
import type { Argument } from '../support/frames.ts';
import { commandsOf, type Dataset } from './dataset.ts';

const BATCH_BYTES = 1024 * 1024;
/** What a number takes on the wire; an estimate is enough here. */
const NUMBER_BYTES = 8;

/** Takes commands to the server that has their keys; rejects on an error reply. */
export type Pipeline = (commands: readonly Argument[][]) => Promise<void>;

export async function fill(pipeline: Pipeline, dataset: Dataset): Promise<void> {
  let batch: Argument[][] = [];
  let bytes = 0;
  for (const command of commandsOf(dataset)) {
    batch.push(command);
    for (const argument of command) bytes += typeof argument === 'number' ? NUMBER_BYTES : argument.length;
    if (bytes < BATCH_BYTES) continue;
    await pipeline(batch);
    batch = [];
    bytes = 0;
  }
  await pipeline(batch);
}

export async function send(client: TestClient, batch: readonly Argument[][]): Promise<void> {
  const replies = await client.pipeline(batch);
  const refused = replies.findIndex((reply) => reply instanceof Error);
  if (refused === -1) return;
  throw new Error(
    `Cannot fill the source: ${String(batch[refused]![0])} was answered with ${String(replies[refused])}`,
  );
}
