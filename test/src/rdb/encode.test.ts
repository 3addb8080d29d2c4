// Payloads that rump makes, of values, of another server's payloads, and of pieces: read again by the decoder, and by a real
// server, whose own eyes count more.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { NEVER } from '../../../src/rdb/milliseconds.ts';
import { differenceOf } from '../../../src/rdb/compare.ts';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { hasNarrowSizes } from '../../../src/rdb/skip.ts';
import { encodePayload, payloadIfAny } from '../../../src/rdb/encode.ts';
import { PayloadError, versionOf } from '../../../src/rdb/payload.ts';
import { GatheredPayload } from '../../../src/rdb/gathered-payload.ts';
import { payloadPieces } from '../../../src/rdb/pieces.ts';
import { ValueDigest } from '../../../src/rdb/value-digest.ts';
import type { Value, ValuePiece } from '../../../src/rdb/value.ts';
import { readPayloads } from '../../support/payload-fixtures.ts';
import { assertTaken, startPayloadServer, type PayloadServer } from './payload-server.ts';

/** Redis 4.0, 5.0, 7.0, 7.2, 7.4, Valkey 9.0. */
const VERSIONS = [8, 9, 10, 11, 12, 80];
const VERSION_4_0 = 8;
/** That a value may take in memory. */
const MOST_BYTES = 2 ** 26;
/** Few elements a piece, so that there are several. */
const LIMITS = { elements: 3, bytes: 100 };

const files = readPayloads();
const payloadOf = (server: string, name: string): Buffer =>
  files.find((file) => file.server.startsWith(server))!.payloads.find((payload) => payload.name === name)!.payload;

let server: PayloadServer;

before(async () => {
  server = await startPayloadServer();
});
after(() => server.stop());

for (const { server: recorded, payloads } of files) {
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

for (const { server: recorded, payloads } of files) {
  test(`payloadIfAny() makes of what ${recorded} wrote what the server of the tests takes`, async () => {
    const { client, rdbVersion, hasFieldExpiry } = server;
    for (const one of payloads) {
      const { name, fieldExpiries, payload } = one;
      // Redict 7.3 stamps the 12 of Redis 7.4 on its payloads, and knows none of its type bytes.
      const isUnknown = rdbVersion === 12 && payload[0]! > 21;
      if ((Object.keys(fieldExpiries).length > 0 || isUnknown) && !hasFieldExpiry) continue;
      // Has sizes that are written in two ways: there is no payload that every server takes.
      if (name === 'stream:lengths') continue;
      await assertTaken(client, payloadIfAny(payload, rdbVersion, MOST_BYTES)!, one);
    }
  });
}

test('payloadIfAny() leaves alone what a newer server of the same family takes', () => {
  for (const [server, versions] of [
    ['redis 7.0', [10, 11, 12, 80]],
    ['redis 8.0', [12, 13]],
    ['valkey 8.1', [11, 12, 80]],
    ['valkey 9.1', [80, 81]],
  ] as const) {
    const payload = payloadOf(server, 'list:short');
    for (const version of versions)
      assert.equal(payloadIfAny(payload, version, MOST_BYTES), payload, `${server} for ${version}`);
  }
});

test('payloadIfAny() changes the footer alone where the type byte is known', () => {
  for (const [server, name, version] of [
    ['valkey 9.1', 'set:short', 11],
    ['redis 8.0', 'set:short', 80],
    ['redis 8.0', 'string:run', 9],
    ['redis 7.0', 'list:short', 10],
  ] as const) {
    const payload = payloadOf(server, name);
    const other = payloadIfAny(payload, version, MOST_BYTES)!;
    assert.equal(versionOf(other), version);
    assert.deepEqual(other.subarray(0, -10), payload.subarray(0, -10), `${server}: ${name} for ${version}`);
  }
});

test('payloadIfAny() encodes anew what the version has no type byte for, or another meaning', () => {
  for (const [server, name, version, typeByte] of [
    ['redis 8.0', 'set:short', 10, 2],
    ['redis 7.0', 'list:short', 9, 1],
    ['redis 7.0', 'hash:packed', 9, 4],
    ['redis 7.0', 'zset:packed', 9, 5],
    ['redis 8.0', 'stream:plain', 10, 19],
    ['redis 8.0', 'stream:plain', 9, 15],
    ['redis 8.0', 'hash:expiring-packed', 80, 22],
    ['redis 8.0', 'hash:expiring-unpacked', 80, 22],
    ['valkey 9.1', 'hash:expiring-packed', 12, 24],
  ] as const) {
    const other = payloadIfAny(payloadOf(server, name), version, MOST_BYTES)!;
    assert.equal(versionOf(other), version);
    assert.equal(other[0], typeByte, `${server}: ${name} for ${version}`);
    assert.equal(decodePayload(other).type, decodePayload(payloadOf(server, name)).type);
  }
});

test('payloadIfAny() has none where an older server would crash on it, or has no room for it', () => {
  assert.equal(payloadIfAny(payloadOf('valkey 9.1', 'stream:lengths'), 11, MOST_BYTES), undefined);
  assert.equal(payloadIfAny(payloadOf('valkey 9.1', 'hash:expiring-packed'), 11, MOST_BYTES), undefined);
});

test('hasNarrowSizes() finds what older servers crash on, and nothing else', () => {
  const found = files.flatMap(({ server, payloads }) =>
    payloads.filter(({ payload }) => hasNarrowSizes(payload, MOST_BYTES)).map(({ name }) => `${server} ${name}`),
  );
  assert.deepEqual(found, ['valkey 9.1.2 stream:lengths']);
});

test('decodePayload() reads both forms of these sizes alike', () => {
  const values = files.map(({ payloads }) =>
    decodePayload(payloads.find(({ name }) => name === 'stream:lengths')!.payload),
  );
  for (const value of values) {
    assert.ok(value.type === 'stream');
    assert.deepEqual(
      value.entries.map(({ fields }) => fields[1]!.length),
      [16_376, 16_377, 16_378, 16_379],
    );
  }
});

for (const { server: recorded, payloads } of files) {
  test(`GatheredPayload makes of pieces what ${recorded} held`, async () => {
    for (const { name, payload } of payloads) {
      const value = decodePayload(payload);
      if (value.type === 'module') continue;
      const pieces = [...payloadPieces(payload, LIMITS)];
      const gathered = new GatheredPayload(MOST_BYTES);
      if (pieces.every((piece) => gathered.add(piece))) {
        const made = Buffer.concat(gathered.finish(9).take());
        assert.equal(differenceOf(value, decodePayload(made)), undefined, name);
        await server.client.send('DEL', 'key');
        assert.equal(String(await server.client.send('RESTORE', 'key', 0, made)), 'OK', name);
      } else {
        const expires = value.type === 'hash' && value.fields.some(({ expireAt }) => expireAt >= 0);
        assert.ok(value.type === 'stream' || expires, name);
      }
    }
  });
}

test('GatheredPayload takes no more than it may, and gives back what it has', () => {
  const pieces: ValuePiece[] = Array.from({ length: 20 }, (_, i) => ({
    type: 'list',
    items: [Buffer.from(`${i}`), Buffer.alloc(i * 1000, 'x'), Buffer.alloc(i)],
  }));
  const gathered = new GatheredPayload(100_000);
  const taken = pieces.filter((piece) => gathered.add(piece));
  assert.ok(taken.length > 10 && taken.length < 20, `${taken.length} pieces`);
  assert.equal(digestOf(gathered.pieces()).differenceFrom(digestOf(taken)), undefined);
});

function digestOf(pieces: Iterable<ValuePiece>): ValueDigest {
  const digest = new ValueDigest();
  for (const piece of pieces) digest.add(piece);
  return digest;
}
