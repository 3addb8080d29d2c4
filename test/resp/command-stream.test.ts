// Commands out of a stream, however it is cut, and what is no stream of commands.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CommandStream } from '../../resp/command-stream.ts';
import { ProtocolError } from '../../resp/errors.ts';
import { byteByByte, command, randomSplits, splitAt } from '../support/frames.ts';
import { runs } from '../support/tier.ts';

interface Seen {
  readonly name: string;
  readonly args: number;
  /** By their index. */
  readonly wanted: Record<number, string>;
  readonly bytes: number;
}

type Wants = (index: number, length: number) => boolean;

/** What a stream holds; an empty line is a command without a name. */
function read(chunks: readonly Buffer[], wants: Wants = () => true): Seen[] {
  const seen: Seen[] = [];
  let now = { name: '', args: 0, wanted: {} as Record<number, string> };
  const stream = new CommandStream({
    onName: (name, args) => (now = { name, args, wanted: {} }),
    wants: (index, length) => wants(index, length),
    onArgument: (index, bytes) => (now.wanted[index] = bytes.toString('latin1')),
    onEnd: (bytes) => {
      seen.push({ ...now, bytes });
      now = { name: '', args: 0, wanted: {} };
    },
  });
  for (const chunk of chunks) stream.read(Buffer.from(chunk));
  return seen;
}

const isShort: Wants = (_, length) => length < 1000;

const SELECT = command('SELECT', 0);
const SET = command('SET', 'a\r\nb', Buffer.alloc(1000, 'x'), '');

test('CommandStream hands on what is wanted of each command, and how many bytes it took', () => {
  const stream = Buffer.concat([SELECT, SET, Buffer.from('\n'), command('PING')]);
  const expected = [
    { name: 'SELECT', args: 1, wanted: { 1: '0' }, bytes: SELECT.length },
    { name: 'SET', args: 3, wanted: { 1: 'a\r\nb', 3: '' }, bytes: SET.length },
    { name: '', args: 0, wanted: {}, bytes: 1 },
    { name: 'PING', args: 0, wanted: {}, bytes: command('PING').length },
  ];
  assert.deepEqual(read([stream], isShort), expected);
  assert.deepEqual(read(byteByByte(stream), isShort), expected);
  for (let cut = 1; cut < stream.length; cut++) assert.deepEqual(read(splitAt(stream, [cut]), isShort), expected);
});

test('CommandStream reads the same of any commands, however they are cut', () => {
  const argument = fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes));
  const commands = fc.array(fc.tuple(fc.constantFrom('SET', 'del', 'XGROUP'), fc.array(argument, { maxLength: 5 })));
  fc.assert(
    fc.property(commands, fc.nat(), fc.nat(3), (commands, seed, unwanted) => {
      const frames = commands.map(([name, args]) => command(name, ...args));
      const seen = read(randomSplits(Buffer.concat(frames), seed), (index) => index !== unwanted);
      const expected = commands.map(([name, args], i) => ({
        name,
        args: args.length,
        wanted: Object.fromEntries(
          args.map((arg, k) => [k + 1, arg.toString('latin1')] as const).filter(([index]) => index !== unwanted),
        ),
        bytes: frames[i]!.length,
      }));
      assert.deepEqual(seen, expected);
    }),
    runs(200),
  );
});

test('CommandStream reserves nothing for an argument that nobody wants', () => {
  const chunk = Buffer.alloc(1024 * 1024, 'v');
  const before = process.memoryUsage().arrayBuffers;
  const stream = new CommandStream({ onName() {}, wants: () => false, onArgument() {}, onEnd() {} });
  stream.read(Buffer.from(`*2\r\n$3\r\nSET\r\n$${2 ** 30}\r\n`));
  for (let i = 0; i < 1023; i++) stream.read(chunk);
  assert.ok(process.memoryUsage().arrayBuffers - before < 16 * 1024 * 1024);
});

for (const [what, text] of [
  ['what begins as no array', 'PING\r\n'],
  ['a command without a name', '*0\r\n'],
  ['a missing array', '*-1\r\n'],
  ['more arguments than there can be', '*99999999999\r\n'],
  ['a head that never ends', '*1111111111111111'],
  ['a head without a number', '*\r\n'],
  ['a head with half a line end', '*1\rx'],
  ['an argument that is no bulk string', '*1\r\n:1\r\n'],
  ['an argument without a length', '*1\r\n$\r\n'],
  ['a length with two marks', '*1\r\n$$1\r\n'],
  ['a negative length', '*1\r\n$-1\r\n'],
  ['an argument longer than any', '*2\r\n$3\r\nSET\r\n$1073741825\r\n'],
  ['a name longer than any', '*1\r\n$129\r\n'],
  ['an argument without a line end', '*1\r\n$4\r\nPINGx'],
] as const) {
  test(`CommandStream refuses ${what}`, () => {
    const bytes = Buffer.from(text);
    assert.throws(() => read([bytes]), ProtocolError);
    assert.throws(() => read(byteByByte(bytes)), ProtocolError);
  });
}
