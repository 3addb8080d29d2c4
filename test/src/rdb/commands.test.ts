// Recorded payloads, decoded and written by commands into a real server, against what the recording server told of them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { NEVER } from '../../../src/rdb/milliseconds.ts';
import type { Ability } from '../../../src/rdb/commands.ts';
import type { ChunkLimits } from '../../../src/rdb/pieces.ts';
import { differenceOf } from '../../../src/rdb/compare.ts';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { PayloadError } from '../../../src/rdb/payload-error.ts';
import type { Value } from '../../../src/rdb/value.ts';
import type { TestClient } from '../../support/client.ts';
import { readPayloads } from '../../support/payload-fixtures.ts';
import { startServer, type TestServer } from '../../support/redis-server.ts';
import { common, snapshot, UNSETTABLE } from '../../support/snapshot.ts';
import { payloadCommands } from './commands-of.ts';

const KEY = Buffer.from('key\r\n\0');
/** What no command can set. */

let server: TestServer;
let client: TestClient;
let abilities: ReadonlySet<Ability>;

before(async () => {
  server = await startServer();
  client = await server.client();
  abilities = new Set<Ability>([
    'streams',
    ...((await knows('PEXPIRETIME')) ? (['streamFigures'] as const) : []),
    ...((await knows('HPEXPIREAT')) ? (['fieldExpiry'] as const) : []),
  ]);
});
after(() => server.stop());

for (const [limits, words] of [
  [{ elements: 1024, bytes: 1024 * 1024 }, 'whole'],
  [{ elements: 2, bytes: 50 }, 'in pieces'],
] as const) {
  for (const { server: recorded, payloads } of readPayloads()) {
    test(`ValueCommands writes what ${recorded} held, ${words}`, async () => {
      for (const { name, type, value: expected, payload } of payloads) {
        const value = decodePayload(payload);
        if (isBeyond(value)) {
          assert.throws(() => payloadCommands(KEY, payload, { abilities, limits }), PayloadError, name);
          continue;
        }
        await write(payload, limits);
        const found = (await snapshot(client)).get(KEY.toString('latin1'))!;
        assert.equal(found.type, type, name);
        const shown = common(expected, found.value, UNSETTABLE);
        assert.deepEqual(common(found.value, expected, UNSETTABLE), shown, name);
        const again = decodePayload((await client.send('DUMP', KEY)) as Buffer);
        assert.equal(differenceOf(value, again), undefined, name);
      }
    });
  }
}

async function write(payload: Buffer, limits: ChunkLimits): Promise<void> {
  await client.send('DEL', KEY);
  for (const command of payloadCommands(KEY, payload, { abilities, limits })) await client.send(...command);
}

function isBeyond(value: Value): boolean {
  if (value.type === 'module') return true;
  return (
    value.type === 'hash' && value.fields.some(({ expireAt }) => expireAt !== NEVER) && !abilities.has('fieldExpiry')
  );
}

async function knows(command: string): Promise<boolean> {
  const [found] = (await client.send('COMMAND', 'INFO', command)) as unknown[];
  return Array.isArray(found);
}
