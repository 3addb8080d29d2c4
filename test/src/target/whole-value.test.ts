// One payload of a value that is read in pieces: gathered where that is sure to be the value, and dumped otherwise.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RespError } from '../../../resp/errors.ts';
import type { Parts } from '../../../resp/parts.ts';
import type { LargeValue } from '../../../src/flow/entry.ts';
import { NEVER } from '../../../src/rdb/milliseconds.ts';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { GONE, LONG_PAGE } from '../../../src/keys/value-end.ts';
import { wholeValueOf } from '../../../src/target/whole-value.ts';
import type { ValuePiece } from '../../../src/rdb/value.ts';

const DUMPED = Buffer.from('dumped');
const PACE = { demandGoing: () => {}, take: () => Promise.resolve() };

interface Reading {
  readonly pieces: readonly ValuePiece[];
  readonly reading?: 'same' | 'changed' | undefined;
  readonly length?: number | undefined;
  /** In place of the end. */
  readonly error?: RespError;
}

/** Each reading is the next of these, and the last one for good. */
class Value implements LargeValue {
  readonly type = undefined;
  reading: LargeValue['reading'];
  length: number | undefined;
  readings = 0;
  dumps = 0;
  readonly #readings: readonly Reading[];
  readonly #lost: RespError[];

  constructor(readings: readonly Reading[], lost: RespError[] = []) {
    this.#readings = readings;
    this.#lost = lost;
  }

  async *pieces(): AsyncGenerator<ValuePiece> {
    const { pieces, reading, length, error } = this.#readings[Math.min(this.readings++, this.#readings.length - 1)]!;
    this.reading = reading === undefined ? undefined : 'watched';
    this.length = undefined;
    yield* pieces;
    if (error !== undefined) throw error;
    this.reading = reading;
    this.length = length;
  }

  readonly whole = async (): Promise<Buffer> => {
    this.dumps++;
    const error = this.#lost.shift();
    if (error !== undefined) throw error;
    return DUMPED;
  };
}

function members(...names: string[]): ValuePiece {
  return { type: 'set', members: names.map((name) => Buffer.from(name)) };
}

function fields(expireAt: number): ValuePiece {
  return { type: 'hash', fields: [{ field: Buffer.from('f'), value: Buffer.from('v'), expireAt }] };
}

const STEADY: Reading = { pieces: [members('a', 'b'), members('c')], reading: 'same', length: 3 };
const STREAM: ValuePiece = {
  type: 'stream',
  head: { groups: [], gone: [] } as unknown as Extract<ValuePiece, { type: 'stream' }>['head'],
  entries: [],
};
const LOST = new RespError('CONNECTION', 'lost', { retryable: true });

/** What is gathered is read by every server since Redis 5. */
async function assertGathered(value: Value, readings: number, expected: unknown): Promise<void> {
  const { payload: parts, isGathered } = await wholeValueOf(value, PACE);
  const payload = Buffer.concat((parts as Parts).take());
  assert.deepEqual([isGathered, value.readings, value.dumps], [true, readings, 0]);
  assert.deepEqual(decodePayload(payload), expected);
  assert.equal(payload.readUInt16LE(payload.length - 10), 9);
}

async function assertDumped(value: Value, readings: number, dumps = 1): Promise<void> {
  assert.deepEqual(await wholeValueOf(value, PACE), { payload: DUMPED, isGathered: false });
  assert.deepEqual([value.readings, value.dumps], [readings, dumps]);
}

const THREE = { type: 'set', members: ['a', 'b', 'c'].map((name) => Buffer.from(name)) };

test('wholeValueOf() gathers what was watched and has each element once', async () => {
  await assertGathered(new Value([STEADY]), 1, THREE);
  await assertGathered(new Value([{ pieces: [fields(NEVER)], reading: 'same', length: 1 }]), 1, {
    type: 'hash',
    fields: [{ field: Buffer.from('f'), value: Buffer.from('v'), expireAt: NEVER }],
  });
});

test('wholeValueOf() reads again what changed, had too long a page or an element twice, or was lost on the way', async () => {
  const twice = { ...STEADY, pieces: [members('a', 'b'), members('b', 'c')] };
  const longPage = { ...STEADY, error: new RespError(LONG_PAGE, 'long') };
  await assertGathered(new Value([{ ...STEADY, reading: 'changed' }, STEADY]), 2, THREE);
  await assertGathered(new Value([twice, longPage, STEADY]), 3, THREE);
  const lost = Array.from({ length: 7 }, () => ({ ...STEADY, error: LOST }));
  await assertGathered(new Value([...lost, STEADY]), 8, THREE);
});

test('wholeValueOf() has a value dumped that never holds still, and one that gives elements twice each time', async () => {
  await assertDumped(new Value([{ ...STEADY, reading: 'changed' }]), 5);
  await assertDumped(new Value([{ ...STEADY, length: 2 }]), 5);
});

test('wholeValueOf() has a value dumped that no plain payload holds, once it has seen that', async () => {
  await assertDumped(new Value([{ pieces: [STREAM, STREAM], reading: 'same', length: 0 }]), 1);
  await assertDumped(new Value([{ pieces: [fields(NEVER), fields(99)], reading: 'same', length: 2 }]), 1);
});

test('wholeValueOf() gathers what nobody watches only where no element can come twice', async () => {
  const list = { pieces: [{ type: 'list', items: [Buffer.from('a')] } as const] };
  // Once more for the digest.
  await assertGathered(new Value([list]), 2, { type: 'list', items: [Buffer.from('a')] });
  await assertDumped(new Value([{ pieces: STEADY.pieces }]), 1);
  await assertDumped(new Value([{ ...STEADY, length: undefined }]), 1);
});

test('wholeValueOf() dumps again where the connection was lost, and ends with any other error', async () => {
  await assertDumped(new Value([{ pieces: [STREAM], reading: 'same' }], [LOST, LOST]), 1, 3);
  for (const code of [GONE, 'PAYLOAD', 'BREAKS']) {
    const error = new RespError(code, 'no');
    await assert.rejects(wholeValueOf(new Value([{ ...STEADY, error }]), PACE), error);
    await assert.rejects(wholeValueOf(new Value([{ pieces: [STREAM], reading: 'same' }], [error]), PACE), error);
  }
});

test('wholeValueOf() ends when all ends, whatever it is at', async () => {
  const end = new Error('the end');
  let left = 3;
  const demandGoing = (): void => {
    if (left-- === 0) throw end;
  };
  await assert.rejects(wholeValueOf(new Value([{ ...STEADY, error: LOST }]), { ...PACE, demandGoing }), end);
});

test('wholeValueOf() reads nothing of a value that nobody can dump', async () => {
  const value: LargeValue = { type: 'string', pieces: () => assert.fail('Nobody has to read it') };
  await assert.rejects(wholeValueOf(value, PACE), { code: 'TOO_LONG' });
});
