// Frames as text: each kind of them, however the bytes are cut, with little held of the long ones and nothing of a password.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Glob } from '../../../src/scan/glob.ts';
import { FramePrinter, LONGEST_NAME, type PrintedFrame } from '../../../src/trace/frame-printer.ts';
import { command } from '../../support/frames.ts';
import { runs } from '../../support/tier.ts';

interface Printing {
  readonly areCommands?: boolean;
  readonly mostBytes?: number;
  readonly match?: string;
  /** Bytes of each chunk. */
  readonly cut?: number;
}

function print(bytes: Buffer, { areCommands = false, mostBytes = 8, match, cut }: Printing = {}): PrintedFrame[] {
  const frames: PrintedFrame[] = [];
  const globs = match === undefined ? [] : [new Glob(Buffer.from(match))];
  const printer = new FramePrinter(areCommands, { mostBytes, globs, onFrame: (frame) => frames.push(frame) });
  const size = cut ?? Math.max(bytes.length, 1);
  for (let at = 0; at < bytes.length; at += size) printer.read(bytes.subarray(at, at + size));
  return frames;
}

function textsOf(bytes: string | Buffer, printing?: Printing): string[] {
  return print(Buffer.from(bytes as string, 'latin1'), printing).map(({ text }) => text);
}

const REPLIES = [
  ['+OK\r\n', 'OK'],
  ['-ERR no "such" key\r\n', '(error) ERR no \\"such\\" key'],
  [':-42\r\n', '(integer) -42'],
  ['$-1\r\n', '(nil)'],
  ['$0\r\n\r\n', '""'],
  ['$5\r\na\n\x00"\\\r\n', '"a\\n\\x00\\"\\\\"'],
  ['$2000\r\n' + 'v'.repeat(2000) + '\r\n', '"vvvvvvvv"… (2,000 bytes)'],
  ['*-1\r\n', '(nil)'],
  ['*0\r\n', '[]'],
  ['*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n:7\r\n', '["0", ["a", (integer) 7]]'],
  ['*2\r\n*0\r\n*1\r\n$-1\r\n', '[[], [(nil)]]'],
  ['\n', '(empty line)'],
] as const;

test('FramePrinter prints replies as redis-cli does, one a line, however the bytes are cut', () => {
  const bytes = REPLIES.map(([frame]) => frame).join('');
  for (const cut of [bytes.length, 1, 2, 3, 7]) {
    assert.deepEqual(
      textsOf(bytes, { cut }),
      REPLIES.map(([, text]) => text),
    );
  }
  const lengths = print(Buffer.from(bytes, 'latin1'), { cut: 3 }).map(({ bytes: length }) => length);
  assert.deepEqual(
    lengths,
    REPLIES.map(([frame]) => frame.length),
  );
});

test('FramePrinter prints commands as they would be typed, and no password', () => {
  const commands: readonly (readonly [string[], string])[] = [
    [['SET', 'key\x00', '', '0123456789'], '"SET" "key\\x00" "" "01234567"… (10 bytes)'],
    [['AUTH', 'hush'], '"AUTH" "***"'],
    [['auth', 'app', 'hush'], '"auth" "***" "***"'],
    [['HELLO', '3', 'AUTH', 'app', 'hush', 'SETNAME', 'me'], '"HELLO" "3" "AUTH" "***" "***" "SETNAME" "me"'],
    [['GET', 'AUTH'], '"GET" "AUTH"'],
  ];
  const bytes = Buffer.concat(commands.map(([words]) => command(...words)));
  for (const cut of [bytes.length, 1]) {
    assert.deepEqual(
      textsOf(bytes, { areCommands: true, cut }),
      commands.map(([, text]) => text),
    );
  }
});

test('FramePrinter holds little of a long frame, and says how much it leaves out', () => {
  const elements = 200_000;
  const [text, ...more] = textsOf(`*${elements}\r\n${'$3\r\nabc\r\n'.repeat(elements)}`, { cut: 4096 });
  assert.ok(text!.length < 70_000, `${text!.length} characters`);
  const [, left] = /… \(([\d,]+) more\)$/.exec(text!)!;
  assert.equal(text!.match(/"abc"/g)!.length + Number(left!.replaceAll(',', '')), elements);
  assert.deepEqual(more, []);
});

test('FramePrinter reads past a snapshot, and takes what is behind it for commands', () => {
  const mark = 'e'.repeat(40);
  const behind = command('SELECT', '0').toString() + command('DEL', 'key').toString();
  for (const snapshot of [`$5\r\nREDIS`, `$EOF:${mark}\r\nREDIS${mark}`]) {
    const bytes = `+FULLRESYNC abc 1\r\n\n\n${snapshot}${behind}`;
    for (const cut of [bytes.length, 1])
      assert.deepEqual(textsOf(bytes, { cut }), ['FULLRESYNC abc 1', '(snapshot)', '"SELECT" "0"', '"DEL" "key"']);
  }
  assert.deepEqual(textsOf(`+CONTINUE\r\n${behind}`), ['CONTINUE', '"SELECT" "0"', '"DEL" "key"']);
});

test('FramePrinter finds names as a whole, in commands behind their own name, and tells what is said unasked', () => {
  const isMatch = (bytes: Buffer, printing: Printing): boolean[] =>
    print(bytes, { ...printing, cut: 5 }).map((frame) => frame.isMatch);
  const commands = Buffer.concat([command('GET', 'user:17'), command('GET', 'user:1'), command('user:17', 'x')]);
  assert.deepEqual(isMatch(commands, { areCommands: true, match: 'user:?7' }), [true, false, false]);
  const long = 'n'.repeat(LONGEST_NAME);
  assert.deepEqual(isMatch(command('GET', long), { areCommands: true, match: 'n*' }), [true]);
  assert.deepEqual(isMatch(command('GET', `${long}n`), { areCommands: true, match: 'n*' }), [false]);
  const told = '*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n$7\r\nuser:17\r\n';
  assert.deepEqual(
    print(Buffer.from(`${told}*1\r\n$1\r\na\r\n`), { match: 'user:17' }).map((frame) => [
      frame.isMatch,
      frame.isUnasked,
    ]),
    [
      [true, true],
      [false, false],
    ],
  );
});

test('FramePrinter says where it can read no further, and goes on telling how much comes', () => {
  for (const nonsense of ['*1x\r\n', '$a\r\n', '*1\r\nhello\r\n', '*1\r\n'.repeat(40)]) {
    const frames = print(Buffer.from(`+OK\r\n${nonsense}`));
    assert.match(frames.map(({ text }) => text).join('\n'), /^OK\n.*\(unreadable from here on\)/);
  }
  const printer = print(Buffer.from('$a\r\nabc\x00defghijk'), { cut: 4 });
  assert.deepEqual(
    printer.map(({ text }) => text),
    ['(unreadable from here on)', '(unreadable) "abc\\x00"', '(unreadable) "defg"', '(unreadable) "hijk"'],
  );
});

test('FramePrinter takes any bytes, loses count of none, and prints the same however they are cut', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    fc.constantFrom('*', '$', '+FULLRESYNC', '+CONTINUE', '\r\n', '*2\r\n', '$3\r\nabc\r\n', ':1\r\n', '$EOF:', '\n'),
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 30 }),
      fc.integer({ min: 1, max: 9 }),
      fc.boolean(),
      (pieces, cut, areCommands) => {
        const bytes = Buffer.from(pieces.join(''), 'latin1');
        const [whole, parts] = [print(bytes, { areCommands }), print(bytes, { areCommands, cut })];
        assert.deepEqual(readableOf(parts), readableOf(whole));
        assert.ok(whole.reduce((sum, frame) => sum + frame.bytes, 0) <= bytes.length);
      },
    ),
    runs(200),
  );
});

function readableOf(frames: readonly PrintedFrame[]): string[] {
  return frames.map(({ text }) => text).filter((text) => !text.startsWith('(unreadable) '));
}
