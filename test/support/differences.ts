// One difference of each kind: how two sides come to it, and the line that a check has for it.
import type { Argument } from './frames.ts';

export type Commands = readonly (readonly Argument[])[];

/** What both sides are given, what only the target is, and the line that a check has for it. */
export const DIFFERENCES: readonly (readonly [line: string, both: Commands, target: Commands])[] = [
  ['+ gone', [['SET', 'gone', 1]], [['DEL', 'gone']]],
  ['- extra', [], [['SET', 'extra', 1]]],
  [
    '* type\ttype: string and list',
    [['SET', 'type', 1]],
    [
      ['DEL', 'type'],
      ['RPUSH', 'type', 1],
    ],
  ],
  ['* string\tvalue', [['SET', 'string', 'one']], [['SET', 'string', 'two']]],
  ['* length\tvalue', [['SET', 'length', 'one']], [['SET', 'length', 'other']]],
  [
    '* order\titems',
    [['RPUSH', 'order', 'a', 'b']],
    [
      ['DEL', 'order'],
      ['RPUSH', 'order', 'b', 'a'],
    ],
  ],
  ['* list\tlength', [['RPUSH', 'list', 'a', 'b']], [['RPUSH', 'list', 'c']]],
  [
    '* set\tmembers',
    [['SADD', 'set', 'a', 'b']],
    [
      ['SREM', 'set', 'b'],
      ['SADD', 'set', 'c'],
    ],
  ],
  ['* set-size\tsize', [['SADD', 'set-size', 'a', 'b']], [['SREM', 'set-size', 'b']]],
  [
    '* hash\tfields',
    [['HSET', 'hash', 'a', 1, 'b', 2]],
    [
      ['HDEL', 'hash', 'b'],
      ['HSET', 'hash', 'c', 2],
    ],
  ],
  ['* hash-value\tvalues', [['HSET', 'hash-value', 'a', 1, 'b', 2]], [['HSET', 'hash-value', 'b', 3]]],
  ['* zset\tscores', [['ZADD', 'zset', 1, 'a', 2, 'b']], [['ZADD', 'zset', 2.5, 'b']]],
  [
    '* zset-member\tmembers',
    [['ZADD', 'zset-member', 1, 'a', 2, 'b']],
    [
      ['ZREM', 'zset-member', 'b'],
      ['ZADD', 'zset-member', 2, 'c'],
    ],
  ],
  ['* stream\tlength', [['XADD', 'stream', '1-1', 'a', 1]], [['XADD', 'stream', '1-2', 'a', 1]]],
  [
    '* stream-id\tentries',
    [['XADD', 'stream-id', '1-1', 'a', 1]],
    [
      ['DEL', 'stream-id'],
      ['XADD', 'stream-id', '1-2', 'a', 1],
    ],
  ],
  ['* last-id\tlast id', [['XADD', 'last-id', '1-1', 'a', 1]], [['XSETID', 'last-id', '9-9']]],
  ['* group\tgroups', [['XADD', 'group', '1-1', 'a', 1]], [['XGROUP', 'CREATE', 'group', 'g', '0']]],
  [
    '* pending\tpending entries',
    [
      ['XADD', 'pending', '1-1', 'a', 1],
      ['XGROUP', 'CREATE', 'pending', 'g', '0'],
      ['XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 'pending', '>'],
    ],
    [['XACK', 'pending', 'g', '1-1']],
  ],
  [
    '* expiry\texpires 1 ms later at the target',
    [['SET', 'expiry', 1, 'PXAT', 4_102_444_800_000]],
    [['PEXPIREAT', 'expiry', 4_102_444_800_001]],
  ],
  [
    '* earlier\texpires 1,000 ms earlier at the target',
    [['SET', 'earlier', 1, 'PXAT', 4_102_444_800_000]],
    [['PEXPIREAT', 'earlier', 4_102_444_799_000]],
  ],
  ['* persisted\tnever expires at the target', [['SET', 'persisted', 1, 'EX', 10_000]], [['PERSIST', 'persisted']]],
  ['* expiring\tnever expires at the source', [['SET', 'expiring', 1]], [['EXPIRE', 'expiring', 10_000]]],
  ['* both\tvalue, never expires at the target', [['SET', 'both', 1, 'EX', 10_000]], [['SET', 'both', 2]]],
  [
    '+ a\\x00\\xff \\"b',
    [['SET', Buffer.from('a\0\xff "b', 'latin1'), 1]],
    [['DEL', Buffer.from('a\0\xff "b', 'latin1')]],
  ],
];
