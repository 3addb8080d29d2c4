// What a payload says of itself, held against what its server has said of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsOf, isReadable, lengthIn, partsOf, piecesOf } from '../../../src/inspect/payload-facts.ts';
import { PayloadError } from '../../../src/rdb/payload.ts';
import { lengthOfPiece } from '../../../src/rdb/pieces.ts';
import { readPayloads } from '../../support/payload-fixtures.ts';
import * as build from '../rdb/payload-builder.ts';

for (const { server, rdbVersion, payloads } of readPayloads()) {
  test(`factsOf() tells of payloads of ${server} what the server does`, () => {
    for (const { name, type, encoding, payload } of payloads) {
      const facts = factsOf(payload);
      assert.deepEqual([facts.type, facts.rdbVersion, facts.isIntact], [type, rdbVersion, true], name);
      assert.ok(isReadable(payload), name);
      assert.ok(lengthIn(payload)! > 0 || type === 'string' || type === 'stream', name);
      // A string has the same payload whether it is embedded or not, and a list of one node is a quicklist there.
      const forms = new Set([
        encoding,
        ...(type === 'string' ? ['raw'] : []),
        ...(type === 'list' ? ['quicklist'] : []),
      ]);
      const form = (facts.form ?? '').replace(/,.*| of ziplists$| with expiring fields$/, '');
      if (encoding === 'listpackex') forms.add('listpack');
      assert.ok(forms.has(form), `${name}: ${encoding} is told as ${facts.form}`);
    }
  });
}

test('factsOf() knows a wrong checksum, and what no server writes', () => {
  const payload = Buffer.from(build.payload(10, 0, build.string('value')));
  payload[3]! ^= 1;
  assert.deepEqual(factsOf(payload), { typeByte: 0, type: 'string', form: 'raw', rdbVersion: 10, isIntact: false });
  const unknown = build.payload(99, 120, build.string('x'));
  assert.deepEqual(factsOf(unknown), {
    typeByte: 120,
    type: undefined,
    form: undefined,
    rdbVersion: 99,
    isIntact: true,
  });
  assert.ok(!isReadable(unknown));
  assert.throws(() => factsOf(Buffer.from('short')), PayloadError);
});

test('piecesOf() gives what comes before the damage', () => {
  const items = Array.from({ length: 500 }, (_, i) => `item ${i}`);
  const body = [build.length(items.length), build.strings(...items.slice(0, 300)), Buffer.of(0xff)];
  let read = 0;
  assert.throws(() => {
    for (const piece of piecesOf(build.payload(10, 1, ...body))) read += lengthOfPiece(piece);
  }, PayloadError);
  assert.ok(read > 200 && read <= 300, `${read} of 300`);
});

test('partsOf() names every byte once', () => {
  const payload = build.payload(10, 0, build.string('value'));
  const parts = partsOf(payload);
  assert.deepEqual(
    parts.map(({ start }) => start),
    [0, ...parts.slice(0, -1).map(({ end }) => end)],
  );
  assert.equal(parts.at(-1)!.end, payload.length);
});
