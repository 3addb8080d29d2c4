// Replies of DUMP and PEXPIRETIME as a socket brings them, whole or cut anywhere: the usual ones become entries where they lie,
// and every other one comes by itself, in its turn.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decoder } from '../../../resp/decoder.ts';
import { InFlight } from '../../../resp/in-flight.ts';
import type { Receiver, Reply } from '../../../resp/reply.ts';
import { EntryView } from '../../../src/flow/entry-view.ts';
import type { ExpiryMode } from '../../../src/flow/expiry.ts';
import { KeyQueue } from '../../../src/flow/key-queue.ts';
import { DumpReplies } from '../../../src/keys/dump-replies.ts';
import { bulk, byteByByte, error, integer, nil, randomSplits, simple } from '../../support/frames.ts';

const BY_REFERENCE = 16 * 1024;
const MOST_ENTRIES = 256;

interface Asked {
  readonly key?: string;
  readonly db?: number;
  readonly page?: number;
  /** Whether the key waits as a Buffer of its own. */
  readonly own?: boolean;
  /** Frames. */
  readonly value: Buffer;
  readonly expiry?: Buffer;
}

/** What came, in order: an entry as `key=payload@expireAt`, each other reply by itself. */
function heard(asked: readonly Asked[], pieces: readonly Buffer[], mode: ExpiryMode, longest = Infinity): string[] {
  const came: string[] = [];
  const keys = new KeyQueue();
  const replies = new DumpReplies(mode, longest);
  const perKey = mode === 'dropped' ? 1 : 2;
  let singles = 0;
  const view = new EntryView();
  const receiver: Receiver = {
    read(run) {
      if (singles % perKey > 0) return;
      for (;;) {
        const entries = replies.read(run, keys, MOST_ENTRIES);
        if (entries.length === 0) return;
        assert.ok(entries.length <= MOST_ENTRIES);
        for (let i = 0; i < entries.length; i++) {
          entries.show(i, view);
          const { db, page, key, payload, expireAt } = view;
          const { db: itsDb, page: itsPage, key: itsKey } = keys.shift();
          assert.deepEqual([db, page, key], [itsDb, itsPage, itsKey]);
          came.push(`${key.toString()}=${payload!.toString()}@${expireAt}`);
        }
      }
    },
    onReply(reply: Reply) {
      came.push(reply === null ? 'null' : String(reply));
      if (++singles % perKey === 0) keys.drop();
    },
    onOks: (count) => assert.fail(`${count} OKs`),
    onFailure: (error) => assert.fail(error),
  };
  const inFlight = new InFlight();
  for (const { key = 'key', db = 0, page = 0, own = false } of asked) {
    if (own) keys.push({ db, page, key: Buffer.from(key) });
    else keys.pushBuffer(db, Buffer.from(key), page);
    for (let i = 0; i < perKey; i++) inFlight.queue(receiver);
  }
  inFlight.write();
  const decoder = new Decoder({
    onReply: (reply) => assert.ok(inFlight.answer(reply), 'Nobody has asked for that'),
    onOks: (count) => assert.ok(inFlight.answerOks(count)),
    onRun: (run) => inFlight.read(run),
    takesLong: () => false,
    onProtocolError: (why) => assert.fail(why),
    onFault: (error) => {
      throw error;
    },
  });
  for (const piece of pieces) decoder.write(piece);
  assert.equal(inFlight.length, 0);
  assert.equal(keys.length, 0);
  return came;
}

function framesOf(asked: readonly Asked[], mode: ExpiryMode): Buffer {
  const frames = asked.flatMap(({ value, expiry }) => (mode === 'dropped' ? [value] : [value, expiry!]));
  return Buffer.concat(frames);
}

/** The same however the frames are cut. */
function heardAnyhow(asked: readonly Asked[], mode: ExpiryMode, longest?: number): string[] {
  const frames = framesOf(asked, mode);
  const whole = heard(asked, [frames], mode, longest);
  assert.deepEqual(heard(asked, byteByByte(frames), mode, longest), whole);
  for (let seed = 1; seed <= 20; seed++) {
    assert.deepEqual(heard(asked, randomSplits(frames, seed), mode, longest), whole);
  }
  return whole;
}

const USUAL: Asked = { value: bulk('usual'), expiry: integer(-1) };

test('DumpReplies makes entries of payloads with an expiry, and of those without one', () => {
  const asked: Asked[] = [
    USUAL,
    { key: '', value: bulk('of the empty key'), expiry: integer(1_700_000_000_123) },
    { key: 'past', value: bulk('x'), expiry: integer(0) },
    { key: 'fifteen digits', value: bulk('a\r\n$5\r\nb'), expiry: integer(999_999_999_999_999) },
    { db: 3, value: bulk('of another database'), expiry: integer(-1) },
    { page: 1, value: bulk('of another page'), expiry: integer(-1) },
    { key: 'longest', value: bulk('l'.repeat(BY_REFERENCE - 1)), expiry: integer(-1) },
  ];
  assert.deepEqual(heardAnyhow(asked, 'exact'), [
    'key=usual@-1',
    '=of the empty key@1700000000123',
    'past=x@0',
    'fifteen digits=a\r\n$5\r\nb@999999999999999',
    'key=of another database@-1',
    'key=of another page@-1',
    `longest=${'l'.repeat(BY_REFERENCE - 1)}@-1`,
  ]);
});

const ODD: readonly (readonly [what: string, asked: Asked, replies: readonly [string, string]])[] = [
  ['a key that is gone', { value: nil, expiry: integer(-2) }, ['null', '-2']],
  ['one that was there a moment ago', { value: bulk('late'), expiry: integer(-2) }, ['late', '-2']],
  [
    'an expiry of sixteen digits',
    { value: bulk('far'), expiry: integer(1_000_000_000_000_000) },
    ['far', `1${'0'.repeat(15)}`],
  ],
  [
    'the greatest expiry',
    { value: bulk('for ever'), expiry: integer(2n ** 63n - 1n) },
    ['for ever', String(2n ** 63n - 1n)],
  ],
  ['an expiry that is none', { value: bulk('odd'), expiry: integer(-3) }, ['odd', '-3']],
  [
    'a refusal of both',
    { value: error('ERR no'), expiry: error('ERR nor this') },
    ['ReplyError: ERR no', 'ReplyError: ERR nor this'],
  ],
  ['a refusal of the expiry', { value: bulk('had'), expiry: error('NOPERM no') }, ['had', 'ReplyError: NOPERM no']],
  ['a simple string for a payload', { value: simple('QUEUED'), expiry: integer(-1) }, ['QUEUED', '-1']],
  ['a number for a payload', { value: integer(1), expiry: integer(-1) }, ['1', '-1']],
  ['a string for an expiry', { value: bulk('had'), expiry: bulk('7') }, ['had', '7']],
  ['a null for an expiry', { value: bulk('had'), expiry: nil }, ['had', 'null']],
  [
    'a payload that goes by reference',
    { value: bulk('r'.repeat(BY_REFERENCE)), expiry: integer(5) },
    ['r'.repeat(BY_REFERENCE), '5'],
  ],
  ['a key with a Buffer of its own', { own: true, value: bulk('own'), expiry: integer(5) }, ['own', '5']],
];

for (const [what, asked, replies] of ODD) {
  test(`DumpReplies leaves to others ${what}, and goes on behind it`, () => {
    assert.deepEqual(heardAnyhow([USUAL, USUAL, asked, USUAL, asked, asked], 'exact'), [
      'key=usual@-1',
      'key=usual@-1',
      ...replies,
      'key=usual@-1',
      ...replies,
      ...replies,
    ]);
  });
}

test('DumpReplies reads payloads alone where no expiry is asked for', () => {
  const asked = [USUAL, { value: nil }, USUAL, { value: error('ERR no') }];
  assert.deepEqual(heardAnyhow(asked, 'dropped'), ['key=usual@-1', 'null', 'key=usual@-1', 'ReplyError: ERR no']);
});

test('DumpReplies reads no payload that is longer than is wanted', () => {
  const asked = [5, 6].map((length) => ({ value: bulk('x'.repeat(length)), expiry: integer(-1) }));
  assert.deepEqual(heardAnyhow(asked, 'exact', 5), ['key=xxxxx@-1', 'xxxxxx', '-1']);
});

test('DumpReplies counts what is left of an expiry from now on', () => {
  const before = performance.now();
  const [entry] = heard([USUAL], [Buffer.concat([bulk('usual'), integer(1000)])], 'relative');
  const expireAt = Number(entry!.split('@')[1]);
  assert.ok(expireAt >= before + 1000 && expireAt <= performance.now() + 1000, entry);
});

test('DumpReplies makes as many runs as it takes, also of more than a chunk holds', () => {
  const asked = Array.from({ length: 3 * MOST_ENTRIES + 1 }, (_, i) => ({
    key: `key:${i}`,
    value: bulk(`${i} `.repeat(200)),
    expiry: integer(i),
  }));
  const came = heard(asked, [framesOf(asked, 'exact')], 'exact');
  assert.deepEqual(
    came,
    asked.map((_, i) => `key:${i}=${`${i} `.repeat(200)}@${i}`),
  );
});
