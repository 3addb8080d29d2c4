// What is encoded is what is decoded: arguments of all kinds, chunks that are used again too early or late, any cut.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Command } from '../../resp/command.ts';
import { Encoder } from '../../resp/encoder.ts';
import type { Reply } from '../../resp/reply.ts';
import { decode, plain, WAYS } from '../support/decode.ts';
import { array, bulk, command, error, integer, nil, nilArray, randomSplits, simple } from '../support/frames.ts';
import { runs } from '../support/tier.ts';

const KIBIBYTE = 1024;
/** Where the encoder changes its ways: loops, references, chunks. */
const BORDERS = [0, 1, 9, 10, 31, 32, 99, 100, 16 * KIBIBYTE - 1, 16 * KIBIBYTE, 32 * KIBIBYTE, 64 * KIBIBYTE, 65_500];

const length = fc.oneof(
  { weight: 5, arbitrary: fc.nat(80) },
  { weight: 2, arbitrary: fc.nat(20 * KIBIBYTE) },
  { weight: 2, arbitrary: fc.constantFrom(...BORDERS) },
);
const bytes = fc
  .tuple(length, fc.nat(255))
  .map(([length, salt]) => Buffer.from(Uint8Array.from({ length }, (_, i) => i * 7 + salt)));
const number = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(2000),
  fc.constantFrom(0, 9, 10, 99, 100, 999_999_999, 10 ** 9, 10 ** 12, Number.MAX_SAFE_INTEGER),
  // One below a multiple of a billion is where a division may round up.
  fc.integer({ min: 1, max: 9_007_199 }).map((billions) => billions * 10 ** 9 - 1),
);
const argument = fc.oneof({ weight: 3, arbitrary: bytes }, { weight: 1, arbitrary: number });
const commands = fc.array(fc.array(argument, { maxLength: 6 }), { maxLength: 30 });

test('Encoder writes commands that a parser of the tests reads as they were meant', () => {
  fc.assert(
    fc.property(commands, fc.nat(4), (commands, holdBack) => {
      const sent: Buffer[] = [];
      const held: ReturnType<Encoder['take']>[] = [];
      // A socket that has written some takes later: only then are the bytes gone, and only then may chunks be used again.
      const leave = (atMost: number): void => {
        while (held.length > atMost) {
          const { pieces, spent } = held.shift()!;
          sent.push(...pieces.map((piece) => Buffer.from(piece)));
          encoder.reuse(spent);
        }
      };
      const encoder = new Encoder(() => {
        held.push(encoder.take());
        leave(holdBack);
      });
      for (const args of commands) {
        encoder.command(new Command('RESTORE', args.length));
        for (const arg of args) {
          if (typeof arg === 'number') encoder.integer(arg);
          else encoder.bulk(arg);
        }
      }
      held.push(encoder.take());
      leave(0);
      const expected = commands.map((args) => [
        'RESTORE',
        ...args.map((arg) => Buffer.from(typeof arg === 'number' ? String(arg) : arg).toString('latin1')),
      ]);
      assert.deepEqual(readCommands(Buffer.concat(sent)), expected);
    }),
    runs(200),
  );
});

const reply: fc.Arbitrary<{ frame: Buffer; value: unknown }> = fc.letrec<{ reply: { frame: Buffer; value: unknown } }>(
  (tie) => ({
    reply: fc.oneof(
      { maxDepth: 4 },
      bytes.map((value) => ({ frame: bulk(value), value: value.toString('latin1') })),
      fc.constantFrom('OK', 'OK', 'OK', 'O', 'OKAY', 'QUEUED', '').map((value) => ({ frame: simple(value), value })),
      fc.constantFrom('ERR x', 'OOM no').map((text) => ({ frame: error(text), value: { error: text } })),
      fc.maxSafeInteger().map((value) => ({ frame: integer(value), value })),
      fc.constantFrom(nil, nilArray).map((frame) => ({ frame, value: null })),
      fc.array(tie('reply'), { maxLength: 5 }).map((items) => ({
        frame: array(...items.map(({ frame }) => frame)),
        value: items.map(({ value }) => value),
      })),
    ),
  }),
).reply;

for (const [way, decodeThatWay] of Object.entries(WAYS)) {
  test(`Decoder gives any replies in any pieces as they were sent, ${way}`, () => {
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 40 }), fc.integer(), (replies, seed) => {
        const stream = Buffer.concat(replies.map(({ frame }) => frame));
        for (const pieces of [[stream], randomSplits(stream, seed)]) {
          const decoded = decodeThatWay(pieces);
          assert.deepEqual(decoded.failures, []);
          assert.deepEqual(
            decoded.replies.map(plain),
            replies.map(({ value }) => value),
          );
        }
      }),
      runs(100),
    );
  });
}

test('Decoder never throws and never fails twice, whatever the bytes', () => {
  const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  const almost = fc
    .array(fc.constantFrom('*', '$', '+', '-', ':', '\r', '\n', '\r\n', '0', '1', '3', '-1', '99', 'OK', 'x'), {
      maxLength: 60,
    })
    .map((parts) => Buffer.from(parts.join('')));
  fc.assert(
    fc.property(fc.oneof(noise, almost), fc.integer(), (bytes, seed) => {
      for (const pieces of [[bytes], randomSplits(bytes, seed)]) assert.ok(decode(pieces).failures.length <= 1);
    }),
    runs(300),
  );
});

test('Decoder reads back what Encoder wrote', () => {
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 20 }), fc.integer(), (args, seed) => {
      const pieces: Buffer[] = [];
      const encoder = new Encoder(() => pieces.push(...encoder.take().pieces));
      encoder.command(new Command('RESTORE', args.length));
      for (const arg of args) encoder.bulk(arg);
      pieces.push(...encoder.take().pieces);
      const stream = Buffer.concat(pieces);
      assert.ok(stream.equals(command('RESTORE', ...args)));
      const [words] = decode(randomSplits(stream, seed)).replies as [readonly Reply[]];
      assert.deepEqual(words.map(String), ['RESTORE', ...args].map(String));
    }),
    runs(50),
  );
});

/** Arrays of bulk strings and nothing else. */
function readCommands(bytes: Buffer): string[][] {
  let at = 0;
  const count = (type: string): number => {
    const end = bytes.indexOf('\r\n', at);
    const line = bytes.toString('latin1', at, end);
    assert.match(line, new RegExp(`^\\${type}\\d+$`));
    at = end + 2;
    return Number(line.slice(1));
  };
  const word = (): string => {
    const start = count('$') + at;
    const value = bytes.toString('latin1', at, start);
    assert.equal(bytes.toString('latin1', start, start + 2), '\r\n');
    at = start + 2;
    return value;
  };
  const commands: string[][] = [];
  while (at < bytes.length) commands.push(Array.from({ length: count('*') }, word));
  return commands;
}
