// Payloads that are wrong somewhere, a hundred thousand in the long tier: each gives a value or a PayloadError, in little time and memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { PayloadError } from '../../../src/rdb/payload.ts';
import type { Value } from '../../../src/rdb/value.ts';
import { readPayloads } from '../../support/payload-fixtures.ts';
import { count } from '../../support/tier.ts';
import { Mutations } from './mutations.ts';

const ROUNDS = count(8000, 100_000);
const SEED = 0x72646221;
/** Larger ones take time and have nothing that smaller ones lack. */
const LARGEST = 1500;
/** Of one payload: thousands of times what one takes, as the machine may be busy; a decoder gone astray takes longer. */
const SLOWEST_MS = 10_000;
/** What a decoder may keep of a payload, in bytes for each of its own; LZF alone makes 88 of one. */
const MOST_BYTES = 100;

test(`decodePayload() gives a value or a PayloadError for ${ROUNDS} payloads that are wrong somewhere`, () => {
  const payloads = readPayloads()
    .flatMap((file) => file.payloads.map(({ payload }) => payload))
    .filter(({ length }) => length <= LARGEST);
  const mutations = new Mutations(SEED);
  let values = 0;
  let slowest = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const payload = mutations.next(payloads);
    const start = performance.now();
    const value = valueOf(payload, round);
    slowest = Math.max(slowest, performance.now() - start);
    if (value === undefined) continue;
    values += 1;
    const size = sizeOf(value);
    assert.ok(size <= payload.length * MOST_BYTES, `round ${round}: ${payload.length} bytes gave ${size}`);
  }
  assert.ok(slowest < SLOWEST_MS, `The slowest took ${slowest} ms`);
  // Else the mutations are too few or too many to tell anything.
  assert.ok(values > ROUNDS / 20 && values < ROUNDS / 2, `${values} gave a value`);
});

function valueOf(payload: Buffer, round: number): Value | undefined {
  try {
    return decodePayload(payload);
  } catch (error) {
    if (!(error instanceof PayloadError))
      throw new Error(`Round ${round}: ${payload.toString('hex')}`, { cause: error });
    assert.match(error.message, /^Cannot decode a /);
    return undefined;
  }
}

/** Byte strings alone, those that are named twice counted twice. */
function sizeOf(value: unknown): number {
  if (Buffer.isBuffer(value)) return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce((sum: number, part: unknown) => sum + sizeOf(part), 0);
}
