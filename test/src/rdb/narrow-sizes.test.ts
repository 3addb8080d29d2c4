// The sizes that servers write in two ways: read in both, and told apart.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { hasNarrowSizes } from '../../../src/rdb/payload-for.ts';
import { readPayloads } from '../../support/payload-fixtures.ts';

const MOST_BYTES = 2 ** 20;

test('hasNarrowSizes() finds what older servers crash on, and nothing else', () => {
  const found = readPayloads().flatMap(({ server, payloads }) =>
    payloads.filter(({ payload }) => hasNarrowSizes(payload, MOST_BYTES)).map(({ name }) => `${server} ${name}`),
  );
  assert.deepEqual(found, ['valkey 9.1.2 stream:lengths']);
});

test('decodePayload() reads both forms alike', () => {
  const values = readPayloads().map(({ payloads }) =>
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
