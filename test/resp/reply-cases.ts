// Replies as bytes and as values: whatever a server may answer, alone and in a row.
import { array, bulk, error, integer, nil, nilArray, simple } from '../support/frames.ts';
import type { Plain } from '../support/decode.ts';

export function text(length: number): string {
  return Array.from({ length }, (_, i) => String.fromCharCode(32 + ((i * 7) % 90))).join('');
}

export const oks = (count: number): Buffer[] => Array.from({ length: count }, () => simple('OK'));
const keys = Array.from({ length: 1000 }, (_, i) => `user:${i}:name`);

export const REPLY_CASES: readonly (readonly [name: string, bytes: Buffer, replies: readonly Plain[]])[] = [
  ['a simple string', simple('PONG'), ['PONG']],
  ['an empty simple string', simple(''), ['']],
  [
    'simple strings that begin like OK',
    Buffer.concat(['O', 'OKAY', 'OK ', 'K', 'QUEUED', 'PONG'].map(simple)),
    ['O', 'OKAY', 'OK ', 'K', 'QUEUED', 'PONG'],
  ],
  ['one OK', simple('OK'), ['OK']],
  ['a run of OKs', Buffer.concat(oks(1000)), Array.from({ length: 1000 }, () => 'OK')],
  [
    'OKs among errors',
    Buffer.concat([...oks(3), error('OOM no'), ...oks(2), error('BUSYKEY there'), error('ERR x'), ...oks(1)]),
    ['OK', 'OK', 'OK', { error: 'OOM no' }, 'OK', 'OK', { error: 'BUSYKEY there' }, { error: 'ERR x' }, 'OK'],
  ],
  [
    'OKs among everything else',
    Buffer.concat([
      ...oks(2),
      simple('QUEUED'),
      ...oks(1),
      integer(1),
      ...oks(1),
      bulk('OK'),
      nil,
      ...oks(2),
      array(),
      simple('OK'),
    ]),
    ['OK', 'OK', 'QUEUED', 'OK', 1, 'OK', 'OK', null, 'OK', 'OK', [], 'OK'],
  ],
  ['an error', error('ERR no such key'), [{ error: 'ERR no such key' }]],
  ['an error that is not ASCII', error('ERR pâté €'), [{ error: 'ERR pâté €' }]],
  [
    'integers',
    Buffer.concat([0, 1, -1, -2, 10, 1_000_000_007, 10 ** 15, 2 ** 53 - 1, -(2 ** 53) + 1].map(integer)),
    [0, 1, -1, -2, 10, 1_000_000_007, 10 ** 15, 2 ** 53 - 1, -(2 ** 53) + 1],
  ],
  [
    'integers that no number holds',
    Buffer.concat([2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n * 10n ** 9n].map(integer)),
    [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n * 10n ** 9n],
  ],
  [
    'integers that no number holds within arrays',
    array(integer(-1), array(integer(2n ** 63n - 1n), bulk('9007199254740993')), integer(9_000_000_000_000_000)),
    [[-1, [2n ** 63n - 1n, '9007199254740993'], 9_000_000_000_000_000]],
  ],
  ['a bulk string', bulk('hello'), ['hello']],
  ['an empty bulk string', bulk(''), ['']],
  ['null', nil, [null]],
  ['a null array', nilArray, [null]],
  ['an empty array', array(), [[]]],
  ['a bulk string with line ends and type bytes', bulk('\r\n+OK\r\n$-1\r\n*2\r\n'), ['\r\n+OK\r\n$-1\r\n*2\r\n']],
  [
    'a bulk string of all bytes',
    bulk(Buffer.from(Array.from({ length: 256 }, (_, i) => i))),
    [Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('latin1')],
  ],
  ['a bulk string of 20 kB', bulk(text(20_000)), [text(20_000)]],
  ['a bulk string of 300 kB', bulk(text(300_000)), [text(300_000)]],
  [
    'large bulk strings in a row, with small replies between',
    Buffer.concat([
      bulk(text(70_000)),
      bulk(text(130_000).toLowerCase()),
      integer(5),
      bulk(text(200_000)),
      ...oks(2),
      nil,
    ]),
    [text(70_000), text(130_000).toLowerCase(), 5, text(200_000), 'OK', 'OK', null],
  ],
  [
    'arrays within arrays',
    array(integer(1), array(bulk('a'), array(nil, array(), nilArray), integer(2)), simple('OK'), bulk('')),
    [[1, ['a', [null, [], null], 2], 'OK', '']],
  ],
  [
    'errors within arrays',
    array(error('ERR a'), array(error('OOM b')), integer(1)),
    [[{ error: 'ERR a' }, [{ error: 'OOM b' }], 1]],
  ],
  [
    'a large bulk string within an array',
    array(bulk('a'), bulk(text(200_000)), bulk('z')),
    [['a', text(200_000), 'z']],
  ],
  [
    'SCAN pages',
    Buffer.concat([array(bulk('17'), array(...keys.map(bulk))), array(bulk('0'), array())]),
    [
      ['17', keys],
      ['0', []],
    ],
  ],
  [
    'DUMP and PTTL in turn',
    Buffer.concat(keys.flatMap((key, i) => (i % 9 === 0 ? [nil, integer(-2)] : [bulk(key), integer(i)]))),
    keys.flatMap((key, i) => (i % 9 === 0 ? [null, -2] : [key, i])),
  ],
];
