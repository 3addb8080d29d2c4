// A database that holds every type, encoding and awkward key of Redis 6.0 and later, to be copied and compared.
import { createCipheriv } from 'node:crypto';
import type { TestClient } from './client.ts';
import type { Argument } from './frames.ts';

export { assertSameData, snapshot, type Snapshot } from './snapshot.ts';

export interface FillOptions {
  /** Put before every key, so that several fillings fit in one database. */
  readonly prefix?: string;
}

type Command = readonly Argument[];
type Writer = (key: Argument) => Command[];

/** 2100-01-01T00:00:00.123Z. */
const FAR_AWAY = 4_102_444_800_123;

/** Writes every kind of value twice, without and with an expiry, and every awkward key; resolves with the number of keys. */
export async function fillAllTypes(client: TestClient, { prefix = '' }: FillOptions = {}): Promise<number> {
  const commands: Command[] = [];
  let keys = 0;
  const write = (key: Argument, writer: Writer, expires: boolean): void => {
    const name = Buffer.concat([Buffer.from(prefix), Buffer.isBuffer(key) ? key : Buffer.from(String(key))]);
    commands.push(...writer(name));
    if (expires) commands.push(['PEXPIREAT', name, FAR_AWAY + keys * 1009]);
    keys += 1;
  };
  for (const [name, writer] of Object.entries(writers)) {
    write(name, writer, false);
    write(`${name}:expiring`, writer, true);
  }
  for (const [index, key] of awkwardKeys.entries()) {
    write(key, (name) => [['SET', name, key]], index % 2 === 1);
  }
  const replies = await client.pipeline(commands);
  for (const [index, reply] of replies.entries()) {
    if (reply instanceof Error) throw new Error(`${commands[index]!.slice(0, 1).join()}: ${reply.message}`);
  }
  return keys;
}

/** Every one is its own value as well. */
const awkwardKeys: readonly Buffer[] = [
  Buffer.alloc(0),
  Buffer.from('\0'),
  Buffer.from('line\r\nend'),
  Buffer.from('$3\r\nfoo\r\n'),
  Buffer.from([0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80]),
  Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
  Buffer.from('ключ 鍵 🔑'),
  Buffer.from(' "quoted" \'key\' \\ '),
  Buffer.from('*[a-z]?\\'),
  Buffer.from('{tag}'),
  Buffer.from('{}{tag}'),
  Buffer.from('0'),
  noise(5 * 1024),
];

const writers: Readonly<Record<string, Writer>> = {
  'string:empty': (key) => [['SET', key, '']],
  'string:int': (key) => [['SET', key, 12345]],
  'string:int64-lowest': (key) => [['SET', key, '-9223372036854775808']],
  'string:almost-int': (key) => [['SET', key, '007']],
  'string:embstr': (key) => [['SET', key, 'hello']],
  'string:binary': (key) => [['SET', key, Buffer.from('\0\r\n$-1\r\n\xff\xfe', 'latin1')]],
  'string:compressible': (key) => [['SET', key, 'abc'.repeat(10_000)]],
  'string:noise': (key) => [['SET', key, noise(300_000)]],
  'string:hyperloglog-sparse': (key) => [['PFADD', key, ...numbered('visitor', 20)]],
  'string:hyperloglog-dense': (key) => [['PFADD', key, ...numbered('visitor', 5000)]],
  'string:bitmap': (key) => [
    ['SETBIT', key, 100_000, 1],
    ['SETBIT', key, 7, 1],
  ],

  'list:listpack': (key) => [['RPUSH', key, 'a', '', 42, '-1', '\0\r\n', 'a']],
  'list:quicklist': (key) => [['RPUSH', key, ...numbered('element', 3000)]],
  'list:big-nodes': (key) => [['RPUSH', key, noise(20_000), 'x'.repeat(20_000), 'small', noise(9000)]],

  'set:intset16': (key) => [['SADD', key, -32768, 0, 32767]],
  'set:intset64': (key) => [['SADD', key, '-9223372036854775808', 0, 1, '9223372036854775807']],
  'set:listpack': (key) => [['SADD', key, 'a', '', '1', '\0\r\n']],
  'set:hashtable': (key) => [['SADD', key, ...numbered('member', 2000)]],
  'set:large-member': (key) => [['SADD', key, noise(5000), 'x'.repeat(5000)]],

  'zset:listpack': (key) => [['ZADD', key, ...scores]],
  'zset:skiplist': (key) => [['ZADD', key, ...scores, ...numbered('member', 1000).flatMap((name, i) => [i / 7, name])]],
  'zset:geo': (key) => [['GEOADD', key, 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania']],

  'hash:listpack': (key) => [['HSET', key, 'field', 'value', '', '', '\0', '\r\n', 'number', 42]],
  'hash:hashtable': (key) => [['HSET', key, ...numbered('field', 1000).flatMap((name, i) => [name, i])]],
  'hash:large-value': (key) => [['HSET', key, 'noise', noise(10_000), 'run', 'x'.repeat(10_000)]],

  'stream:plain': (key) => [
    ['XADD', key, '1-1', 'field', 'value'],
    ['XADD', key, '1-2', 'field', 'value', 'other', '\0\r\n'],
    ['XADD', key, '18446744073709551615-1', 'last', ''],
  ],
  'stream:many-nodes': (key) => numbered('value', 500).map((value, i) => ['XADD', key, `${i + 1}-0`, 'field', value]),
  'stream:deleted': (key) => [
    ...numbered('value', 20).map((value, i) => ['XADD', key, `${i + 1}-7`, 'field', value]),
    ['XDEL', key, '1-7', '5-7', '20-7'],
    ['XTRIM', key, 'MAXLEN', 10],
  ],
  'stream:groups': (key) => [
    ...numbered('value', 20).map((value, i) => ['XADD', key, `${i + 1}-0`, 'field', value]),
    ['XGROUP', 'CREATE', key, 'readers', '0'],
    ['XGROUP', 'CREATE', key, 'late\0comers', '$'],
    ['XGROUP', 'CREATE', key, 'halfway', '10-0'],
    ['XREADGROUP', 'GROUP', 'readers', 'alice', 'COUNT', 8, 'STREAMS', key, '>'],
    ['XREADGROUP', 'GROUP', 'readers', 'bob\r\n', 'COUNT', 4, 'STREAMS', key, '>'],
    ['XACK', key, 'readers', '1-0', '3-0', '9-0'],
    ['XCLAIM', key, 'readers', 'carol', 0, '4-0', '5-0', 'RETRYCOUNT', 7, 'TIME', 1_600_000_000_123],
    // An id that is still pending although its entry is gone.
    ['XDEL', key, '2-0'],
  ],
  'stream:empty': (key) => [
    ['XGROUP', 'CREATE', key, 'first', '$', 'MKSTREAM'],
    ['XADD', key, '5-5', 'field', 'value'],
    ['XDEL', key, '5-5'],
  ],
};

/** Score and member by turns; one score comes twice. */
const scores: readonly Argument[] = Object.entries({
  lowest: '-inf',
  'very low': '-1e300',
  negative: -1.5,
  'minus zero': '-0',
  zero: 0,
  tiny: '5e-324',
  tenth: 0.1,
  '': 3,
  '\0\r\n': 3,
  'above 2^53': '9007199254740994',
  'very high': '1e300',
  highest: 'inf',
}).flatMap(([member, score]) => [score, member]);

function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}:${index}`);
}

/** Bytes that no compression shortens; always the same. */
function noise(length: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(length));
}
