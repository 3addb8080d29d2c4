// A payload out of pieces: a decoder and a real server read the value that the pieces had.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { differenceOf } from '../../../src/rdb/compare.ts';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { GatheredPayload } from '../../../src/rdb/gathered-payload.ts';
import { ValueDigest } from '../../../src/rdb/value-digest.ts';
import { payloadPieces } from '../../../src/rdb/pieces.ts';
import type { ValuePiece } from '../../../src/rdb/value.ts';
import { readPayloads } from '../../support/payload-fixtures.ts';
import { startPayloadServer, type PayloadServer } from './payload-server.ts';

const MIB = 2 ** 20;
/** Few elements a piece, so that there are several. */
const LIMITS = { elements: 3, bytes: 100 };
const RDB_VERSION = 9;

let server: PayloadServer;

before(async () => {
  server = await startPayloadServer();
});
after(() => server.stop());

for (const { server: recorded, payloads } of readPayloads()) {
  test(`GatheredPayload makes of pieces what ${recorded} held`, async () => {
    for (const { name, payload } of payloads) {
      const value = decodePayload(payload);
      if (value.type === 'module') continue;
      const pieces = [...payloadPieces(payload, LIMITS)];
      const gathered = new GatheredPayload(MIB);
      if (pieces.every((piece) => gathered.add(piece))) {
        const made = Buffer.concat(gathered.finish(RDB_VERSION).take());
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
