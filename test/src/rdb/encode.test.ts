// Values written as payloads: read again by the decoder, and by a real server, whose own eyes count more.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { NEVER } from '../../../src/rdb/milliseconds.ts';
import { differenceOf } from '../../../src/rdb/compare.ts';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { encodePayload } from '../../../src/rdb/encode.ts';
import { PayloadError } from '../../../src/rdb/payload-error.ts';
import type { Value } from '../../../src/rdb/value.ts';
import { readPayloads } from '../../support/payload-fixtures.ts';
import { assertTaken, startPayloadServer, type PayloadServer } from './payload-server.ts';

/** Redis 4.0, 5.0, 7.0, 7.2, 7.4, Valkey 9.0. */
const VERSIONS = [8, 9, 10, 11, 12, 80];
const VERSION_4_0 = 8;

let server: PayloadServer;

before(async () => {
  server = await startPayloadServer();
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
    const { client, rdbVersion, hasFieldExpiry } = server;
    for (const one of payloads) {
      const value = decodePayload(one.payload);
      // Redict 7.3 stamps the 12 of Redis 7.4 on its payloads, and has no fields that expire.
      if (isBeyond(one.name, value, rdbVersion)) continue;
      if (Object.keys(one.fieldExpiries).length > 0 && !hasFieldExpiry) continue;
      await assertTaken(client, encodePayload(value, rdbVersion), one);
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
  return value.type === 'hash' && version < 12 && value.fields.some(({ expireAt }) => expireAt !== NEVER);
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
