// Pieces of a value as JSON: the same as of the whole, and never much of it at a time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonWriter } from '../../../src/rdb/json-writer.ts';
import { NEVER } from '../../../src/rdb/milliseconds.ts';
import { writePayload } from '../../../src/rdb/payload-json.ts';
import { PieceJson } from '../../../src/rdb/piece-json.ts';
import { payloadPieces } from '../../../src/rdb/pieces.ts';
import type { StreamValue, ValuePiece } from '../../../src/rdb/value.ts';
import { valueOf } from '../../support/exported.ts';
import { readPayloads } from '../../support/payload-fixtures.ts';
import * as build from './payload-builder.ts';

/** Far less than the values below, and more than a step gives with escapes. */
const MOST_HELD = 500_000;
const LONG = 3_000_000;

/** What is written, and the most of it that waited to be taken. */
function taken(pieces: Iterable<ValuePiece>): { readonly text: string; readonly longest: number } {
  const json = new JsonWriter();
  const value = new PieceJson(json);
  let [text, longest] = ['', 0];
  const take = (): void => {
    longest = Math.max(longest, json.length);
    const { pieces: written, spent } = json.take();
    text += Buffer.concat(written).toString();
    json.reuse(spent);
  };
  for (const piece of pieces) {
    if (piece.type === 'string') continue;
    for (const _ of value.add(piece)) take();
  }
  for (const _ of value.end()) take();
  take();
  return { text, longest };
}

for (const { server, payloads } of readPayloads()) {
  test(`PieceJson writes the pieces of payloads of ${server} as writePayload() does the whole`, () => {
    for (const { name, type, payload } of payloads) {
      if (type === 'string') continue;
      const json = new JsonWriter();
      writePayload(json, payload);
      const whole = JSON.parse(Buffer.concat(json.take().pieces).toString()) as unknown;
      const { text } = taken(payloadPieces(payload, { elements: 3, bytes: 100 }));
      assert.deepEqual(JSON.parse(text), whole, name);
    }
  });
}

test('PieceJson.end() lets itself be taken while the name of a consumer comes with each entry that is pending', () => {
  const { text, longest } = taken([build.pendingPiece('n'.repeat(100_000), 50)]);
  assert.ok(text.length > 5_000_000 && longest < MOST_HELD, `${longest} of ${text.length}`);
  const { groups } = valueOf('stream', JSON.parse(text)) as StreamValue;
  assert.deepEqual([groups[0]!.pending.length, groups[0]!.pending[49]!.consumer.length], [50, 100_000]);
});

/** Long strings: plain text, characters of several bytes that a step may not cut, a byte that is six as JSON, and no text. */
for (const [what, long] of [
  ['plain text', Buffer.alloc(LONG, 'plain text')],
  ['characters of several bytes', Buffer.alloc(LONG - 1, '€ü😀')],
  ['control characters', Buffer.alloc(LONG, 1)],
  ['no text', Buffer.alloc(LONG, 0xff)],
] as const) {
  test(`PieceJson.add() lets itself be taken within an element: ${what}`, () => {
    const short = Buffer.from('short');
    const pieces: readonly [ValuePiece, ...ValuePiece[]][] = [
      [
        { type: 'list', items: [short, long] },
        { type: 'list', items: [long] },
      ],
      [{ type: 'set', members: [long] }],
      [{ type: 'zset', entries: [{ member: long, score: 1.5 }] }],
      [
        {
          type: 'hash',
          fields: [
            { field: long, value: long, expireAt: 4_102_444_800_000 },
            { field: short, value: short, expireAt: NEVER },
          ],
        },
      ],
    ];
    for (const [first, ...others] of pieces) {
      const { text, longest } = taken([first, ...others]);
      assert.ok(longest < MOST_HELD, `${longest} of ${text.length} of a ${first.type}`);
      assert.deepEqual(valueOf(first.type, JSON.parse(text)), joined(first, others));
    }
  });
}

test('PieceJson.add() lets itself be taken within an entry of many fields', () => {
  const fields = Array.from({ length: 2000 }, () => Buffer.alloc(1000, 'v'));
  const piece = build.pendingPiece('consumer', 1);
  const { text, longest } = taken([{ ...piece, entries: [{ id: { ms: 1n, seq: 1n }, fields }] }]);
  assert.ok(text.length > 2_000_000 && longest < MOST_HELD, `${longest} of ${text.length}`);
});

function joined(first: ValuePiece, others: readonly ValuePiece[]): unknown {
  if (first.type !== 'list') return first;
  return { type: 'list', items: [first, ...others].flatMap((piece) => (piece.type === 'list' ? piece.items : [])) };
}
