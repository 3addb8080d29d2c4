// The commands of random writers, each with how often it comes: every way in which a key can change, or go.
import type { Argument } from '../frames.ts';
import type { Draw } from './draw.ts';

export type Command = readonly Argument[];

export interface Recipe {
  /** Against the others. */
  readonly weight: number;
  /** A command that not every server has; with a subcommand behind a bar. */
  readonly needs?: string;
  /** Whether it may stand between MULTI and EXEC. */
  readonly single?: true;
  readonly make: (draw: Draw) => readonly Command[];
}

function recipe(weight: number, make: (draw: Draw) => Command, needs?: string): Recipe {
  return { weight, make: (draw) => [make(draw)], ...(needs === undefined ? {} : { needs }) };
}

const strings: readonly Recipe[] = [
  recipe(14, (d) => ['SET', d.key('string'), d.value()]),
  recipe(8, (d) => ['SET', d.key('string'), d.value(), 'PX', d.ttl()]),
  recipe(2, (d) => ['SET', d.key('string'), d.value(), 'XX', 'KEEPTTL']),
  recipe(2, (d) => ['SET', d.key('string'), d.value(), 'NX']),
  recipe(2, (d) => ['PSETEX', d.key('string'), d.ttl(), d.value()]),
  recipe(6, (d) => ['INCR', d.key('number')]),
  recipe(2, (d) => ['INCRBYFLOAT', d.key('number'), 0.25]),
  recipe(3, (d) => ['APPEND', d.key('string'), d.value()]),
  recipe(1, (d) => ['SETRANGE', d.key('string'), d.random.below(50), d.value()]),
  recipe(1, (d) => ['SETBIT', d.key('string'), d.random.below(300), 1]),
  recipe(2, (d) => ['GETSET', d.key('string'), d.value()]),
  recipe(3, (d) => ['GETDEL', d.key('string')], 'GETDEL'),
  recipe(2, (d) => ['GETEX', d.key('string'), 'PX', d.ttl()], 'GETEX'),
  recipe(1, (d) => ['GETEX', d.key('string'), 'PERSIST'], 'GETEX'),
  recipe(2, (d) => ['MSET', ...d.keys('string', 2, 4).flatMap((key) => [key, d.value()])]),
  recipe(1, (d) => ['BITOP', 'OR', d.key('string'), d.key('string'), d.key('string')]),
  recipe(2, (d) => ['PFADD', d.key('visitors'), ...d.members(5)]),
  recipe(1, (d) => ['PFMERGE', d.key('visitors'), d.key('visitors'), d.key('visitors')]),
];

const generic: readonly Recipe[] = [
  recipe(4, (d) => ['DEL', d.someKey()]),
  recipe(3, (d) => ['UNLINK', d.someKey(), d.someKey()]),
  recipe(4, (d) => ['PEXPIRE', d.someKey(), d.ttl()]),
  recipe(2, (d) => ['PERSIST', d.someKey()]),
  recipe(1, (d) => ['EXPIREAT', d.someKey(), 1_000_000]),
  recipe(1, (d) => ['PEXPIREAT', d.someKey(), 4_102_444_800_000 + d.random.below(1000)]),
  recipe(4, (d) => ['RENAME', d.someKey(), d.someKey()]),
  recipe(1, (d) => ['RENAMENX', d.someKey(), d.someKey()]),
  recipe(3, (d) => ['COPY', d.someKey(), d.someKey(), 'REPLACE'], 'COPY'),
  recipe(1, (d) => ['SORT', d.key('list'), 'ALPHA', 'STORE', d.key('list')]),
];

/** Where there is another database to go to. */
const between: readonly Recipe[] = [
  recipe(3, (d) => ['MOVE', d.someKey(), d.random.pick(d.otherDatabases)]),
  recipe(2, (d) => ['COPY', d.someKey(), d.someKey(), 'DB', d.random.pick(d.otherDatabases), 'REPLACE'], 'COPY'),
];

const lists: readonly Recipe[] = [
  recipe(6, (d) => ['RPUSH', d.key('list'), ...d.members(4)]),
  recipe(3, (d) => ['LPUSH', d.key('list'), d.value()]),
  recipe(3, (d) => ['LPOP', d.key('list')]),
  recipe(2, (d) => ['RPOP', d.key('list')]),
  recipe(1, (d) => ['LSET', d.key('list'), 0, d.value()]),
  recipe(1, (d) => ['LTRIM', d.key('list'), 0, 20]),
  recipe(1, (d) => ['LREM', d.key('list'), 1, d.member()]),
  recipe(1, (d) => ['LINSERT', d.key('list'), 'BEFORE', d.member(), d.value()]),
  recipe(2, (d) => ['RPOPLPUSH', d.key('list'), d.key('list')]),
  recipe(2, (d) => ['LMOVE', d.key('list'), d.key('list'), 'LEFT', 'RIGHT'], 'LMOVE'),
  recipe(2, (d) => ['LMPOP', 2, d.key('list'), d.key('list'), 'LEFT', 'COUNT', 3], 'LMPOP'),
  recipe(1, (d) => ['BRPOPLPUSH', d.key('list'), d.key('list'), 0.01]),
];

const sets: readonly Recipe[] = [
  recipe(6, (d) => ['SADD', d.key('set'), ...d.members(4)]),
  recipe(3, (d) => ['SREM', d.key('set'), d.member()]),
  recipe(3, (d) => ['SPOP', d.key('set')]),
  recipe(1, (d) => ['SPOP', d.key('set'), 3]),
  recipe(2, (d) => ['SMOVE', d.key('set'), d.key('set'), d.member()]),
  recipe(2, (d) => ['SUNIONSTORE', d.key('set'), ...d.keys('set', 1, 3)]),
  recipe(1, (d) => ['SINTERSTORE', d.key('set'), ...d.keys('set', 1, 2)]),
  recipe(2, (d) => ['SDIFFSTORE', d.key('set'), ...d.keys('set', 1, 3)]),
];

const zsets: readonly Recipe[] = [
  recipe(6, (d) => ['ZADD', d.key('zset'), d.score(), d.member(), d.score(), d.member()]),
  recipe(2, (d) => ['ZINCRBY', d.key('zset'), d.score(), d.member()]),
  recipe(2, (d) => ['ZREM', d.key('zset'), ...d.members(3)]),
  recipe(2, (d) => ['ZPOPMIN', d.key('zset')]),
  recipe(1, (d) => ['ZREMRANGEBYRANK', d.key('zset'), 0, 1]),
  recipe(1, (d) => ['ZUNIONSTORE', d.key('zset'), 2, d.key('zset'), d.key('zset')]),
  recipe(1, (d) => ['ZINTERSTORE', d.key('zset'), 2, d.key('zset'), d.key('zset')]),
  recipe(1, (d) => ['ZRANGESTORE', d.key('zset'), d.key('zset'), 0, 9], 'ZRANGESTORE'),
  recipe(1, (d) => ['ZMPOP', 2, d.key('zset'), d.key('zset'), 'MAX'], 'ZMPOP'),
  recipe(1, (d) => ['GEOADD', d.key('zset'), d.random.below(90), d.random.below(80), d.member()]),
  recipe(1, (d) => ['GEORADIUS', d.key('zset'), 15, 37, 900, 'km', 'STORE', d.key('zset')]),
];

const hashes: readonly Recipe[] = [
  recipe(6, (d) => ['HSET', d.key('hash'), d.field(), d.value(), d.field(), d.value()]),
  recipe(2, (d) => ['HDEL', d.key('hash'), d.field(), d.field()]),
  recipe(2, (d) => ['HINCRBY', d.key('hash'), d.field(), 1]),
  recipe(1, (d) => ['HINCRBYFLOAT', d.key('hash'), d.field(), 0.5], 'HINCRBYFLOAT'),
  recipe(1, (d) => ['HSETNX', d.key('hash'), d.field(), d.value()]),
  recipe(4, (d) => ['HPEXPIRE', d.key('hash'), d.ttl(), 'FIELDS', 2, d.field(), `own${d.field()}`], 'HPEXPIRE'),
  recipe(1, (d) => ['HPERSIST', d.key('hash'), 'FIELDS', 1, d.field()], 'HPERSIST'),
  recipe(2, (d) => ['HSETEX', d.key('hash'), 'PX', d.ttl(), 'FIELDS', 1, d.field(), d.value()], 'HSETEX'),
  recipe(1, (d) => ['HGETDEL', d.key('hash'), 'FIELDS', 1, d.field()], 'HGETDEL'),
  recipe(1, (d) => ['HGETEX', d.key('hash'), 'PX', d.ttl(), 'FIELDS', 1, d.field()], 'HGETEX'),
];

const streams: readonly Recipe[] = [
  recipe(5, (d) => {
    const key = d.key('stream');
    return ['XADD', key, d.nextId(key), d.field(), d.value()];
  }),
  recipe(1, (d) => {
    const key = d.key('stream');
    return ['XADD', key, 'MAXLEN', 50, d.nextId(key), d.field(), d.value()];
  }),
  recipe(1, (d) => ['XTRIM', d.key('stream'), 'MAXLEN', 20]),
  recipe(1, (d) => {
    const key = d.key('stream');
    return ['XDEL', key, d.recentId(key)];
  }),
  recipe(3, (d) => ['XGROUP', 'CREATE', d.key('stream'), d.group(), d.random.pick(['0', '$']), 'MKSTREAM']),
  recipe(0.3, (d) => ['XGROUP', 'DESTROY', d.key('stream'), d.group()]),
  recipe(1, (d) => ['XGROUP', 'DELCONSUMER', d.key('stream'), d.group(), d.consumer()]),
  recipe(1, (d) => ['XGROUP', 'CREATECONSUMER', d.key('stream'), d.group(), d.consumer()], 'XGROUP|CREATECONSUMER'),
  recipe(1, (d) => ['XGROUP', 'SETID', d.key('stream'), d.group(), d.random.pick(['0', '$'])]),
  recipe(6, (d) => ['XREADGROUP', 'GROUP', d.group(), d.consumer(), 'COUNT', 3, 'STREAMS', d.key('stream'), '>']),
  recipe(1, (d) => ['XREADGROUP', 'GROUP', d.group(), d.consumer(), 'COUNT', 3, 'STREAMS', d.key('stream'), '0']),
  recipe(1, (d) => ['XREADGROUP', 'GROUP', d.group(), d.consumer(), 'NOACK', 'STREAMS', d.key('stream'), '>']),
  recipe(4, (d) => {
    const key = d.key('stream');
    return ['XACK', key, d.group(), d.recentId(key), d.recentId(key), d.recentId(key)];
  }),
  recipe(2, (d) => {
    const key = d.key('stream');
    return ['XCLAIM', key, d.group(), d.consumer(), 0, d.recentId(key), d.recentId(key)];
  }),
  recipe(1, (d) => ['XAUTOCLAIM', d.key('stream'), d.group(), d.consumer(), 0, '0', 'COUNT', 3], 'XAUTOCLAIM'),
];

const INTO_TWO = `redis.call('SET', KEYS[1], ARGV[1]) redis.call('DEL', KEYS[2]) redis.call('RPUSH', KEYS[2], 'a', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2]) return redis.call('TYPE', KEYS[2])`;
const SOMETIMES = `if redis.call('EXISTS', KEYS[1]) == 1 then return redis.call('UNLINK', KEYS[1]) end
return redis.call('SADD', KEYS[1], ARGV[1], 'x')`;

const scripts: readonly Recipe[] = [
  recipe(2, (d) => ['EVAL', INTO_TWO, 2, d.key('string'), d.key('list'), d.value(), d.ttl()]),
  recipe(2, (d) => ['EVAL', SOMETIMES, 1, d.key('set'), d.member()]),
  recipe(2, (d) => ['FCALL', 'model_put', 1, d.key('string'), d.value()], 'FUNCTION'),
];

/** Of the library that FCALL needs. */
export const LIBRARY = `#!lua name=model
redis.register_function('model_put', function(keys, args)
  redis.call('SET', keys[1], args[1])
  return redis.call('APPEND', keys[1], '!')
end)`;

/** What its keys are is told by nothing but the keys that change. */
const undeclared: Recipe = recipe(2, (d) => [
  'EVAL',
  "redis.call('SELECT', ARGV[2]) return redis.call('SET', ARGV[1], ARGV[3])",
  0,
  d.key('string'),
  d.random.pick([d.db, ...d.otherDatabases]),
  d.value(),
]);

const MANY_ELEMENTS = `redis.call('DEL', KEYS[1]) for i = 1, 20 do local t = {} for j = 1, 5000 do t[j] = ARGV[1] .. (i * 5000 + j) end
redis.call('RPUSH', KEYS[1], unpack(t)) end`;
const WIDE = `redis.call('DEL', KEYS[1]) for i = 1, 1000 do redis.call('HSET', KEYS[1], 'field:' .. i, string.rep(ARGV[1], 1000)) end`;

/** Lists of 100,000 elements, hashes and strings of 1 MB; and small changes of them, so that they are hot as well. */
const large: readonly Recipe[] = [
  recipe(0.03, (d) => ['EVAL', MANY_ELEMENTS, 1, d.bigKey('list'), d.random.below(100)]),
  recipe(0.06, (d) => ['EVAL', WIDE, 1, d.bigKey('hash'), d.random.below(10)]),
  recipe(0.06, (d) => ['SETRANGE', d.bigKey('string'), 1_000_000, d.value()]),
  recipe(0.5, (d) => ['RPUSH', d.bigKey('list'), d.value()]),
  recipe(0.5, (d) => ['HSET', d.bigKey('hash'), `field:${d.random.below(1000)}`, d.value()]),
  recipe(0.05, (d) => ['UNLINK', d.bigKey(d.random.pick(['list', 'hash', 'string']))]),
];

/** Each is a gap of what it concerns. */
const floods: readonly Recipe[] = [
  { weight: 0.02, single: true, make: () => [['FLUSHDB']] },
  { weight: 0.01, single: true, make: () => [['FLUSHALL']] },
];
const swap: Recipe = {
  weight: 0.02,
  single: true,
  make: (d) => [['SWAPDB', d.db, d.random.pick(d.otherDatabases)]],
};

const everywhere = [strings, generic, lists, sets, zsets, hashes, streams, scripts].flat();

export interface Habits {
  /** FLUSHDB, FLUSHALL, and SWAPDB where there is more than one database. Default no. */
  readonly floods?: boolean;
  /** Default yes. */
  readonly large?: boolean;
}

export function recipesFor(
  knows: ReadonlySet<string>,
  databases: number,
  isCluster: boolean,
  { floods: withFloods = false, large: withLarge = true }: Habits = {},
): readonly Recipe[] {
  return [
    ...everywhere,
    ...(databases > 1 ? between : []),
    ...(databases > 1 && !isCluster ? [undeclared] : []),
    ...(withLarge ? large : []),
    ...(withFloods ? floods : []),
    ...(withFloods && databases > 1 && !isCluster ? [swap] : []),
  ].filter(({ needs }) => needs === undefined || knows.has(needs));
}
