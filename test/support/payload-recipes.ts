// How the recorded payloads are made: keys so small, and limits set so low, that every encoding has its few bytes.
import type { Argument } from './frames.ts';

export interface PayloadRecipe {
  readonly name: string;
  /** Names are the old ones, which all servers still take. */
  readonly config?: Readonly<Record<string, string>>;
  /** `key` is the key. */
  readonly commands: readonly (readonly Argument[])[];
  /** A command that the server must have; the recipe is left out otherwise. */
  readonly needs?: string;
}

/** 2100-01-01T00:00:00.123Z. */
const FAR_AWAY = 4_102_444_800_123;
/** Limits by which nothing is packed. */
const UNPACKED = {
  'hash-max-ziplist-entries': '0',
  'zset-max-ziplist-entries': '0',
  'set-max-intset-entries': '0',
  'set-max-listpack-entries': '0',
};
const SCORES: Readonly<Record<string, string>> = {
  lowest: '-inf',
  'very low': '-1e300',
  negative: '-1.5',
  'minus zero': '-0',
  zero: '0',
  tiny: '5e-324',
  tenth: '0.1',
  third: '0.3333333333333333',
  '': '3',
  '\0\r\n': '3',
  byte: '200',
  'above 2^32': '4294967297',
  'above 2^53': '9007199254740994',
  'very high': '1.7976931348623157e308',
  highest: 'inf',
};
/** Each length and size of an integer that a listpack or a ziplist has a form for, and what merely looks like one. */
const INTEGERS = [
  '0',
  '12',
  '13',
  '127',
  '128',
  '-1',
  '-128',
  '-129',
  '4095',
  '4096',
  '-4096',
  '-4097',
  '32767',
  '-32768',
  '32768',
  '8388607',
  '-8388608',
  '8388608',
  '2147483647',
  '-2147483648',
  '2147483648',
  '9007199254740993',
  '9223372036854775807',
  '-9223372036854775808',
  '9223372036854775808',
  '007',
  '-0',
  '+1',
  ' 1',
];
const scored = Object.entries(SCORES).flatMap(([member, score]) => [score, member]);
const numbered = (name: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${name}:${i}`);
/** At the borders of what the heads of strings, and the sizes behind elements, have room for. */
const lengths = [0, 1, 20, 21, 63, 64, 124, 125, 253, 254, 255, 4095, 4096].map((length) =>
  'ab'.repeat(2048).slice(0, length),
);
/** As a server would write them, but from a count: `value:7` is not worth a compression. */
const varied = (length: number): Buffer => Buffer.from(Uint8Array.from({ length }, (_, i) => (i * i * 31 + i) >>> 3));

export const payloadRecipes: readonly PayloadRecipe[] = [
  ...Object.entries({
    empty: '',
    short: 'hello',
    binary: '\0\r\n$-1\r\n\u00ff\u00fe',
    int8: '-128',
    int16: '-129',
    int32: '2147483647',
    'int32-lowest': '-2147483648',
    int64: '9223372036854775807',
    'almost-int': '007',
    '63-bytes': 'x1'.repeat(32).slice(0, 63),
    run: 'a'.repeat(1000),
    repeated: 'abcdefghij'.repeat(50),
  }).map(([name, value]) => ({ name: `string:${name}`, commands: [['SET', 'key', Buffer.from(value, 'latin1')]] })),
  { name: 'string:64-bytes', commands: [['SET', 'key', varied(64)]] },
  { name: 'string:14-bits', commands: [['SET', 'key', varied(5000)]] },
  { name: 'string:32-bits', commands: [['SET', 'key', varied(20_000)]] },
  { name: 'string:far-back', commands: [['SET', 'key', Buffer.concat([varied(8192), varied(8192)])]] },
  { name: 'string:hyperloglog', commands: [['PFADD', 'key', ...numbered('visitor', 20)]] },

  { name: 'list:short', commands: [['RPUSH', 'key', 'a', '', '\0\r\n', 'a', 'b']] },
  { name: 'list:integers', commands: [['RPUSH', 'key', ...INTEGERS]] },
  { name: 'list:lengths', commands: [['RPUSH', 'key', ...lengths]] },
  {
    name: 'list:nodes',
    config: { 'list-max-ziplist-size': '3' },
    commands: [['RPUSH', 'key', ...numbered('item', 10)]],
  },
  { name: 'list:large', commands: [['RPUSH', 'key', 'small', varied(9000), 'x'.repeat(20_000), 'last']] },

  { name: 'set:intset16', commands: [['SADD', 'key', -32768, 0, 32767]] },
  { name: 'set:intset32', commands: [['SADD', 'key', -2147483648, 0, 7, 2147483647]] },
  {
    name: 'set:intset64',
    commands: [['SADD', 'key', '-9223372036854775808', 0, '9007199254740993', '9223372036854775807']],
  },
  { name: 'set:short', commands: [['SADD', 'key', 'a', '', '1', '\0\r\n']] },
  { name: 'set:integers', commands: [['SADD', 'key', ...INTEGERS]] },
  { name: 'set:lengths', config: UNPACKED, commands: [['SADD', 'key', ...lengths, ...INTEGERS]] },

  { name: 'zset:packed', commands: [['ZADD', 'key', ...scored]] },
  { name: 'zset:unpacked', config: UNPACKED, commands: [['ZADD', 'key', ...scored]] },
  { name: 'zset:geo', commands: [['GEOADD', 'key', 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania']] },

  { name: 'hash:packed', commands: [['HSET', 'key', 'field', 'value', '', '', '\0', '\r\n', 'number', 42, '7', '-8']] },
  { name: 'hash:integers', commands: [['HSET', 'key', ...INTEGERS.flatMap((integer) => [integer, integer])]] },
  { name: 'hash:unpacked', config: UNPACKED, commands: [['HSET', 'key', ...lengths.flatMap((text, i) => [text, i])]] },
  ...expiringHashes('packed', {}),
  ...expiringHashes('unpacked', UNPACKED),

  {
    name: 'stream:plain',
    commands: [
      ['XADD', 'key', '1-1', 'field', 'value'],
      ['XADD', 'key', '1-2', 'field', 'value', 'other', '\0\r\n'],
      ['XADD', 'key', '5-0', 'field', '-129', '7', '70000'],
      ['XADD', 'key', '18446744073709551615-18446744073709551614', 'last', ''],
    ],
  },
  {
    name: 'stream:nodes',
    config: { 'stream-node-max-entries': '3' },
    commands: numbered('value', 10).map((value, i) => [
      'XADD',
      'key',
      `${1_600_000_000_000 + i * 70_000}-${i}`,
      'f',
      value,
      'g',
      i,
    ]),
  },
  {
    name: 'stream:lengths',
    // Where the size behind an element takes one more byte than it needs: 16383 is the size of that element.
    commands: [16_376, 16_377, 16_378, 16_379].map((length, i) => [
      'XADD',
      'key',
      `${i + 1}-0`,
      'f',
      'x'.repeat(length),
    ]),
  },
  {
    name: 'stream:deleted',
    config: { 'stream-node-max-entries': '4' },
    commands: [
      ...numbered('value', 12).map((value, i) => ['XADD', 'key', `${i + 1}-7`, 'field', value]),
      ['XDEL', 'key', '1-7', '5-7', '12-7'],
      ['XTRIM', 'key', 'MAXLEN', 6],
    ],
  },
  {
    name: 'stream:groups',
    commands: [
      ...numbered('value', 12).map((value, i) => ['XADD', 'key', `${i + 1}-0`, 'field', value]),
      ['XGROUP', 'CREATE', 'key', 'readers', '0'],
      ['XGROUP', 'CREATE', 'key', 'late\0comers', '$'],
      ['XGROUP', 'CREATE', 'key', 'halfway', '6-0'],
      ['XREADGROUP', 'GROUP', 'readers', 'alice', 'COUNT', 6, 'STREAMS', 'key', '>'],
      ['XREADGROUP', 'GROUP', 'readers', 'bob\r\n', 'COUNT', 3, 'STREAMS', 'key', '>'],
      ['XREADGROUP', 'GROUP', 'halfway', 'nobody', 'COUNT', 1, 'STREAMS', 'key', '0'],
      ['XACK', 'key', 'readers', '1-0', '3-0', '9-0'],
      ['XCLAIM', 'key', 'readers', 'carol', 0, '4-0', '5-0', 'RETRYCOUNT', 7, 'TIME', 1_600_000_000_123],
      ['XDEL', 'key', '2-0', '8-0'],
    ],
  },
  {
    name: 'stream:trimmed-while-pending',
    commands: [
      ...numbered('value', 6).map((value, i) => ['XADD', 'key', `${i + 1}-0`, 'field', value]),
      ['XGROUP', 'CREATE', 'key', 'readers', '0'],
      ['XREADGROUP', 'GROUP', 'readers', 'alice', 'COUNT', 5, 'STREAMS', 'key', '>'],
      ['XTRIM', 'key', 'MAXLEN', 2],
    ],
  },
  {
    name: 'stream:empty',
    commands: [
      ['XGROUP', 'CREATE', 'key', 'first', '$', 'MKSTREAM'],
      ['XADD', 'key', '5-5', 'field', 'value'],
      ['XREADGROUP', 'GROUP', 'first', 'alice', 'STREAMS', 'key', '>'],
      ['XDEL', 'key', '5-5'],
    ],
  },
  { name: 'stream:never-filled', commands: [['XGROUP', 'CREATE', 'key', 'first', '$', 'MKSTREAM']] },
  {
    name: 'stream:empty-without-groups',
    commands: [
      ['XADD', 'key', '5-5', 'field', 'value'],
      ['XDEL', 'key', '5-5'],
    ],
  },
  {
    name: 'stream:last-id-ahead',
    commands: [
      ['XADD', 'key', '1-0', 'field', 'value'],
      ['XSETID', 'key', '1000-5'],
    ],
  },
  {
    name: 'stream:figures-set',
    needs: 'PEXPIRETIME',
    commands: [
      ['XADD', 'key', '10-0', 'field', 'value'],
      ['XSETID', 'key', '1000-5', 'ENTRIESADDED', '1000', 'MAXDELETEDID', '999-3'],
      ['XGROUP', 'CREATE', 'key', 'g', '500-0', 'ENTRIESREAD', '123'],
    ],
  },
];

function expiringHashes(name: string, config: Readonly<Record<string, string>>): PayloadRecipe[] {
  const fields = ['HSET', 'key', 'a', '1', 'b', '', '', 'x', '\0\r\n', 'y', 'soon', 'z'];
  return [
    {
      name: `hash:expiring-${name}`,
      needs: 'HPEXPIREAT',
      config,
      commands: [
        fields,
        ['HPEXPIREAT', 'key', FAR_AWAY, 'FIELDS', 2, 'a', '\0\r\n'],
        ['HPEXPIREAT', 'key', FAR_AWAY + 86_400_000, 'FIELDS', 1, ''],
        ['HPEXPIREAT', 'key', FAR_AWAY - 7, 'FIELDS', 1, 'soon'],
      ],
    },
    {
      name: `hash:persisted-${name}`,
      needs: 'HPEXPIREAT',
      config,
      commands: [fields, ['HPEXPIREAT', 'key', FAR_AWAY, 'FIELDS', 1, 'a'], ['HPERSIST', 'key', 'FIELDS', 1, 'a']],
    },
  ];
}
