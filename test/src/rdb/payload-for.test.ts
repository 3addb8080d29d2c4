// Payloads between servers of different versions and families: what one wrote, another has to take and to show alike.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { versionOf } from '../../../src/rdb/footer.ts';
import { payloadIfAny } from '../../../src/rdb/payload-for.ts';
import { readPayloads } from '../../support/payload-fixtures.ts';
import { assertTaken, startPayloadServer, type PayloadServer } from './payload-server.ts';

const MOST_BYTES = 2 ** 26;

let server: PayloadServer;

before(async () => {
  server = await startPayloadServer();
});
after(() => server.stop());

for (const { server: recorded, payloads } of readPayloads()) {
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

const recorded = readPayloads();
const payloadOf = (server: string, name: string): Buffer =>
  recorded.find((file) => file.server.startsWith(server))!.payloads.find((payload) => payload.name === name)!.payload;

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
