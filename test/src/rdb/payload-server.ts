// A real server that takes the payloads of the tests, and says what it makes of them.
import assert from 'node:assert/strict';
import type { TestClient } from '../../support/client.ts';
import type { RecordedPayload } from '../../support/payload-fixtures.ts';
import { startServer } from '../../support/redis-server.ts';
import { common, snapshot } from '../../support/snapshot.ts';

export interface PayloadServer {
  readonly client: TestClient;
  /** That of the payloads that it writes. */
  readonly rdbVersion: number;
  readonly hasFieldExpiry: boolean;
  readonly stop: () => Promise<void>;
}

export async function startPayloadServer(): Promise<PayloadServer> {
  const server = await startServer();
  const client = await server.client();
  await client.send('SET', 'key', 'value');
  const payload = (await client.send('DUMP', 'key')) as Buffer;
  const [found] = (await client.send('COMMAND', 'INFO', 'HPEXPIREAT')) as unknown[];
  const stop = (): Promise<void> => server.stop();
  return { client, stop, rdbVersion: payload.readUInt16LE(payload.length - 10), hasFieldExpiry: Array.isArray(found) };
}

/** The server takes this payload, and then has what was recorded. */
export async function assertTaken(client: TestClient, payload: Buffer, recorded: RecordedPayload): Promise<void> {
  const { name, type, value, fieldExpiries } = recorded;
  await client.send('RESTORE', 'key', 0, payload, 'REPLACE');
  const found = (await snapshot(client)).get('key')!;
  assert.equal(found.type, type, name);
  assert.deepEqual(common(found.value, value), common(value, found.value), name);
  for (const [field, expiry] of Object.entries(fieldExpiries)) {
    const fieldName = Buffer.from(field, 'latin1');
    assert.deepEqual(await client.send('HPEXPIRETIME', 'key', 'FIELDS', 1, fieldName), [expiry], name);
  }
}
