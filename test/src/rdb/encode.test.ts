// Values written as payloads: read again by the decoder, and by a real server, whose own eyes count more.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { differenceOf } from '../../../src/rdb/compare.ts';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { encodePayload } from '../../../src/rdb/encode.ts';
import { PayloadError } from '../../../src/rdb/payload-error.ts';
import type { Value } from '../../../src/rdb/value.ts';
import type { TestClient } from '../../support/client.ts';
import { readPayloads } from '../../support/payload-fixtures.ts';
import { startServer, type TestServer } from '../../support/redis-server.ts';
import { snapshot } from '../../support/snapshot.ts';
import { common } from './common-value.ts';

/** Redis 4.0, 5.0, 7.0, 7.2, 7.4, Valkey 9.0. */
const VERSIONS = [8, 9, 10, 11, 12, 80];
const VERSION_4_0 = 8;

let server: TestServer;
let client: TestClient;
let own: number;
let hasFieldExpiry: boolean;

before(async () => {
  server = await startServer();
  client = await server.client();
  await client.send('SET', 'key', 'value');
  const payload = (await client.send('DUMP', 'key')) as Buffer;
  own = payload.readUInt16LE(payload.length - 10);
  const [found] = (await client.send('COMMAND', 'INFO', 'HPEXPIREAT')) as unknown[];
  hasFieldExpiry = Array.isArray(found);
});
after(() => server.stop());

for (const { server: recorded, payloads } of readPayloads()) {
  test(`encodePayload() writes what ${recorded} held for each version, as far as that version has it`, () => {
    for (const { name, payload } of payloads) {
      const value = decodePayload(payload);
      for (const version of VERSIONS) {
        if (isBeyond(name, value, version)) {
          assert.throws(() => encodePayload(value, version), PayloadError, `${name} for ${version}`);
        } else {
          const again = decodePayload(encodePayload(value, version));
          assert.equal(differenceOf(value, again), undefined, `${name} for ${version}`);
        }
      }
    }
  });

  test(`encodePayload() writes what ${recorded} held so that a server takes it`, async () => {
    for (const { name, type, value: expected, fieldExpiries, payload } of payloads) {
      const value = decodePayload(payload);
      // Redict 7.3 stamps the 12 of Redis 7.4 on its payloads, and has no fields that expire.
      if (isBeyond(name, value, own) || (Object.keys(fieldExpiries).length > 0 && !hasFieldExpiry)) continue;
      await client.send('RESTORE', 'key', 0, encodePayload(value, own), 'REPLACE');
      const found = (await snapshot(client)).get('key')!;
      assert.equal(found.type, type, name);
      assert.deepEqual(common(found.value, expected), common(expected, found.value), name);
      for (const [field, expiry] of Object.entries(fieldExpiries)) {
        const fieldName = Buffer.from(field, 'latin1');
        assert.deepEqual(await client.send('HPEXPIRETIME', 'key', 'FIELDS', 1, fieldName), [expiry], name);
      }
    }
  });
}

test('encodePayload() gives the value of a module back as it was', () => {
  const module: Value = { type: 'module', name: 'ReJSON-RL', encodingVersion: 3, bytes: moduleBytes() };
  assert.deepEqual(decodePayload(encodePayload(module, 11)), module);
});

test('encodePayload() refuses what is empty, and versions that are too old for it', () => {
  assert.throws(
    () => encodePayload({ type: 'list', items: [] }, 11),
    /^PayloadError: Cannot encode a list: it is empty$/,
  );
  assert.throws(() => encodePayload({ type: 'string', value: Buffer.of() }, 7), PayloadError);
});

function isBeyond(name: string, value: Value, version: number): boolean {
  if (value.type === 'stream') return version === VERSION_4_0 || name === 'stream:lengths';
  return value.type === 'hash' && version < 12 && value.fields.some(({ expireAt }) => expireAt !== -1);
}

function moduleBytes(): Buffer {
  let id = 0n;
  const characters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  for (const character of 'ReJSON-RL') id = (id << 6n) | BigInt(characters.indexOf(character));
  const bytes = Buffer.alloc(9 + 3, 0x81);
  bytes.writeBigUInt64BE((id << 10n) | 3n, 1);
  // One number, and the end.
  bytes.set([2, 7, 0], 9);
  return bytes;
}
