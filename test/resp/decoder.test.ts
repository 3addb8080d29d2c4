// Every reply, however it is cut and by whichever way it comes in; and streams that are no RESP, which fail once and quietly.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Decoder, type DecoderLimits } from '../../resp/decoder.ts';
import { ReplyError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import { Oversized } from '../../resp/reply.ts';
import { cutsOf, decode, plain, WAYS } from '../support/decode.ts';
import { array, bulk, byteByByte, error, integer, nil, randomSplits, simple } from '../support/frames.ts';
import { oks, REPLY_CASES, text } from './reply-cases.ts';

for (const [name, bytes, replies] of REPLY_CASES) {
  for (const [way, decode] of Object.entries(WAYS)) {
    test(`Decoder decodes ${name}, ${way}, whole and in pieces`, () => {
      for (const [cut, pieces] of Object.entries(cutsOf(bytes))) {
        const decoded = decode(pieces);
        assert.deepEqual(decoded.failures, [], cut);
        assert.deepEqual(decoded.replies.map(plain), replies, cut);
      }
    });
  }
}

test('Decoder counts a run of OKs in one call', () => {
  const counts: number[] = [];
  const decoder = new Decoder({
    onReply: () => assert.fail('an OK became an object'),
    onOks: (count) => void counts.push(count),
    takesLong: () => true,
    onProtocolError: (why) => assert.fail(why),
    onFault: assert.fail,
  });
  decoder.write(Buffer.concat(oks(5000)));
  assert.deepEqual(counts, [5000]);
});

test('Decoder makes every error reply a ReplyError with a code', () => {
  const { replies } = decode([Buffer.concat([error('OOM no'), array(error('NOPERM no'))])]);
  const [first, [second]] = replies as [ReplyError, [ReplyError]];
  assert.deepEqual([first.code, second.code], ['OOM', 'NOPERM']);
});

const frames = new URL('../../../fixtures/frames/', import.meta.url);

/** The tests' own encoder; recorded replies hold no simple strings. */
function encode(reply: Reply): Buffer {
  if (reply === null) return nil;
  if (reply instanceof ReplyError) return error(reply.message);
  if (typeof reply === 'number' || typeof reply === 'bigint') return integer(reply);
  return Buffer.isBuffer(reply) ? bulk(reply) : array(...(reply as readonly Reply[]).map(encode));
}

for (const file of readdirSync(frames)) {
  test(`Decoder loses no byte of the recorded ${file}`, () => {
    const bytes = readFileSync(new URL(file, frames));
    for (const decode of Object.values(WAYS)) {
      for (const [cut, pieces] of Object.entries(cutsOf(bytes))) {
        const { replies, failures } = decode(pieces);
        assert.deepEqual(failures, []);
        assert.ok(Buffer.concat(replies.map(encode)).equals(bytes), cut);
      }
    }
  });
}

test('Decoder reads recorded errors by their codes', () => {
  const { replies } = decode([readFileSync(new URL('redis-7.0-errors.resp', frames))]);
  const codes = ['ERR', 'ERR', 'ERR', 'WRONGTYPE', 'BUSYKEY', 'ERR', 'ERR', 'WRONGPASS'];
  assert.deepEqual(
    replies.map((reply) => (reply as ReplyError).code),
    codes,
  );
});

const SECRET = 'payload-of-a-customer';
const NOT_RESP: readonly (readonly [name: string, bytes: Buffer, limits?: DecoderLimits])[] = [
  ['HTTP', Buffer.from(`HTTP/1.1 400 Bad Request\r\nContent-Type: ${SECRET}\r\n\r\n`)],
  ['a bare line end', Buffer.from(`\n${SECRET}`)],
  ['an array of 2^32 elements', Buffer.from('*4294967296\r\n')],
  ['an array of 2^32 - 1 elements', Buffer.from('*4294967295\r\n')],
  ['a million nested arrays', Buffer.from('*1\r\n'.repeat(1_000_000))],
  ['a bulk string of 2^60 bytes', Buffer.from('$1152921504606846976\r\n')],
  ['a RESP3 map', Buffer.from(`%1\r\n$21\r\n${SECRET}\r\n:1\r\n`)],
  ['a bulk string above the limit', Buffer.from('$21\r\n'), { maxBulkLength: 20 }],
  ['an array above the limit', array(nil, nil, nil, nil), { maxArrayLength: 3 }],
  ['an array above the limit within another', array(array(nil, nil, nil, nil)), { maxArrayLength: 3 }],
  ['a line without an end', Buffer.from(`+${'x'.repeat(100)}${SECRET}`), { maxLineLength: 64 }],
  ['arrays deeper than the limit', array(array(array(bulk(SECRET)))), { maxDepth: 2 }],
  ['an integer that is none', Buffer.from(':--1234567890123456\r\n')],
  ['an integer that is none within an array', Buffer.from('*1\r\n:--1234567890123456\r\n')],
  ['an integer of more than 64 bits', integer(2n ** 63n)],
  ['an integer of a thousand digits', integer(10n ** 1000n)],
  ['an integer of no digits', Buffer.from(':\r\n')],
  ['an integer that is a sign', Buffer.from(':-\r\n')],
  ['an integer of letters', Buffer.from(':abc\r\n')],
  ['an integer with a sign in its midst', Buffer.from(':1-2\r\n')],
  ['an integer of letters within an array', Buffer.from('*2\r\n:1\r\n:abc\r\n')],
  ['a bulk string of a negative length', Buffer.from('$-7\r\n')],
  ['a bulk string of a negative length within an array', Buffer.from('*2\r\n$-1\r\n$-7\r\n')],
  ['a bulk string without a length', Buffer.from('$\r\n')],
  ['a bulk string of a length of letters', Buffer.from('$abc\r\n')],
  ['an array of a negative length', Buffer.from('*-2\r\n')],
  ['an array of a length of letters', Buffer.from('*abc\r\n')],
  [
    'an array whose strings are above the limit',
    array(bulk('x'.repeat(60)), bulk('x'.repeat(60))),
    { maxReplyLength: 120 },
  ],
  ['an array that promises a string above the limit', Buffer.from('*1\r\n$200\r\n'), { maxReplyLength: 120 }],
  ['arrays that promise elements above the limit', Buffer.from('*9\r\n*9\r\n'), { maxReplyLength: 250 }],
  ['a stray byte within an array', Buffer.from(`*2\r\n$1\r\na\r\n?${SECRET}\r\n`)],
];

for (const [name, bytes, limits] of NOT_RESP) {
  for (const [way, decode] of Object.entries(WAYS)) {
    test(`Decoder gives up once and quietly on ${name}, ${way}`, () => {
      const bad = Buffer.concat([simple('OK'), integer(7), bytes]);
      const pieces: Record<string, readonly Buffer[]> = { whole: [bad], random: randomSplits(bad, 3) };
      if (bad.length < 1000) pieces['byte by byte'] = byteByByte(bad);
      for (const [cut, each] of Object.entries(pieces)) {
        const { replies, failures, decoder } = decode(each, limits);
        decoder.write(simple('OK'));
        decoder.write(bulk('more'));
        assert.deepEqual(replies.map(plain), ['OK', 7], cut);
        assert.equal(failures.length, 1, cut);
        assert.doesNotMatch(failures[0]!, /payload|customer/);
        assert.ok(failures[0]!.length < 120);
      }
    });
  }
}

const WITHIN: readonly (readonly [Buffer, DecoderLimits])[] = [
  [bulk('x'.repeat(20)), { maxBulkLength: 20 }],
  [array(nil, nil, nil), { maxArrayLength: 3 }],
  [array(array(nil)), { maxDepth: 2 }],
  [array(bulk('x'.repeat(60)), array(nil)), { maxReplyLength: 2 * 16 + 60 + 16 + 2 }],
  [bulk('x'.repeat(500)), { maxReplyLength: 100 }],
];

test('Decoder takes what reaches its limits exactly', () => {
  for (const [bytes, limits] of WITHIN) {
    for (const pieces of [[bytes], byteByByte(bytes)]) {
      const { replies, failures } = decode(pieces, limits);
      assert.deepEqual([replies.length, failures], [1, []]);
    }
  }
});

test('Decoder gives up on a bulk string in pieces that does not end where it should', () => {
  const bytes = Buffer.from(`$21\r\n${SECRET}XX+PONG\r\n`);
  for (const decode of Object.values(WAYS)) {
    const { replies, failures } = decode(byteByByte(bytes));
    assert.deepEqual(replies, []);
    assert.equal(failures.length, 1);
    assert.doesNotMatch(failures[0]!, /payload/);
  }
});

test('Decoder gives up on a bulk string in one piece that does not end where it should', () => {
  for (const head of ['', '*1\r\n']) {
    const { replies, failures } = decode([Buffer.from(`${head}$3\r\nabcXX+PONG\r\n`)]);
    assert.deepEqual(replies, []);
    assert.equal(failures.length, 1);
  }
});

test('Decoder reads past a bulk string that is longer than is kept, however it is cut, and loses nothing around it', () => {
  const long = text(50_000);
  const bytes = Buffer.concat([bulk('before'), bulk(long), integer(7), array(bulk('in'), integer(1)), bulk('after')]);
  for (const [way, decode] of Object.entries(WAYS)) {
    for (const [cut, pieces] of Object.entries(cutsOf(bytes))) {
      const { replies, failures } = decode(pieces, {}, 100);
      assert.deepEqual(failures, [], cut);
      assert.deepEqual(
        [0, 2, 3, 4].map((i) => plain(replies[i]!)),
        ['before', 7, ['in', 1], 'after'],
        `${way}, ${cut}`,
      );
      // Where all of it came at once there was nothing to be saved.
      const passed = replies[1]!;
      assert.ok(passed instanceof Oversized ? passed.length === long.length : plain(passed) === long, `${way}, ${cut}`);
      if (cut !== 'whole') assert.ok(passed instanceof Oversized, `${way}, ${cut}`);
    }
  }
});

test('Decoder gives up on a bulk string that it reads past and that does not end where it should, however it is cut', () => {
  for (const end of ['XX', '\rX']) {
    const bytes = Buffer.from(`$50000\r\n${text(50_000)}${end}+PONG\r\n`);
    for (const [way, decode] of Object.entries(WAYS)) {
      for (const [cut, pieces] of Object.entries(cutsOf(bytes))) {
        const { replies, failures } = decode(pieces, {}, 100);
        assert.deepEqual([replies.length, failures.length], [0, 1], `${way}, ${cut}, ${JSON.stringify(end)}`);
      }
    }
  }
});

test('Decoder gives up at once on a bulk string that nobody wants to be so long, where long ones are not kept', () => {
  for (const [length, failures] of [
    [1001, 1],
    [1000, 0],
  ] as const) {
    const decoded = decode([Buffer.from(`$${length}\r\nx`)], { maxReplyLength: 1000 }, 100, false);
    assert.equal(decoded.failures.length, failures, `${length}`);
  }
});

test('Decoder gives up at once on a bulk string that no server sends, be it one to be read past', () => {
  for (const [length, failures] of [
    [2001, 1],
    [2000, 0],
  ] as const) {
    const decoded = decode([Buffer.from(`$${length}\r\nx`)], { maxPassedLength: 2000 }, 100);
    assert.equal(decoded.failures.length, failures, `${length}`);
  }
});

test('Decoder needs no memory for what it reads past', () => {
  const decoder = new Decoder({
    onReply() {},
    onOks() {},
    takesLong: () => true,
    onProtocolError: assert.fail,
    onFault: assert.fail,
  });
  decoder.keptBulkLength = 1000;
  decoder.write(Buffer.from('$60000000000\r\n'));
  const piece = Buffer.alloc(100_000);
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 1000; i += 1) decoder.write(piece);
  assert.ok(process.memoryUsage().arrayBuffers - before < 10_000_000);
});

test('Decoder changes no reply that it has given, whatever comes later', () => {
  const values = Array.from({ length: 40 }, (_, i) => text(1 + ((i * 7919) % 90_000)).replaceAll(' ', String(i % 10)));
  const bytes = Buffer.concat(values.flatMap((value) => [bulk(value), array(bulk(value), bulk('k'))]));
  for (const decode of Object.values(WAYS)) {
    for (const pieces of [[bytes], randomSplits(bytes, 9)]) {
      const { replies } = decode(pieces);
      assert.deepEqual(
        replies.map(plain),
        values.flatMap((value) => [value, [value, 'k']]),
      );
    }
  }
});

test('Decoder keeps no process alive after large values', () => {
  const program = `
    import { Decoder } from ${JSON.stringify(new URL('../../resp/decoder.js', import.meta.url).href)};
    let bytes = 0;
    const decoder = new Decoder({ onReply: (reply) => (bytes += reply.length), onOks() {}, takesLong: () => true, onProtocolError: console.error, onFault: console.error });
    for (let i = 0; i < 8; i++) {
      decoder.write(Buffer.from('$4000000\\r\\n'));
      for (let part = 0; part < 4; part++) decoder.write(Buffer.alloc(1000000));
      decoder.write(Buffer.from('\\r\\n'));
    }
    console.log(bytes, process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length);
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  });
  assert.deepEqual([stdout, stderr], ['32000000 0\n', '']);
});
