// Peers that answer what no server says: the run ends, and says which key it was about.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, bulk, error, integer, nil } from '../support/frames.ts';
import { BIG_KEY, fillLarge } from '../support/large-keyspace.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

/** What reads a large value of each type. */
const COMMANDS = [
  ['string', 'GETRANGE'],
  ['list', 'LRANGE'],
  ['set', 'SSCAN'],
  ['zset', 'ZSCAN'],
  ['hash', 'HSCAN'],
  ['stream', 'XRANGE'],
] as const;

for (const [shape, answer] of [
  ['an integer', integer(7)],
  ['nothing', nil],
  ['a list of integers', array(integer(1), integer(2))],
] as const) {
  test(`A value fails by its name where a peer answers ${shape} when it is read, and others arrive`, async (t) => {
    const { source, target, from, to } = await startPair(t);
    await fillLarge(from);
    await from.send('SET', 'small', 'value');
    const { url } = await replyProxy(t, source.port, ([command]) =>
      /^(GETRANGE|LRANGE|XRANGE|[HSZ]SCAN)$/.test(command!) ? answer : undefined,
    );
    const result = await runRump(['--from', url, '--to', target.url, ...BIG_KEY]);
    assert.equal(result.code, 1, result.stderr);
    for (const [type, command] of COMMANDS) {
      assert.match(
        result.stderr,
        new RegExp(`key "large:${type}" in db 0: Cannot read the value: what ${command} was`),
      );
    }
    assert.deepEqual(await to.send('KEYS', '*'), [Buffer.from('small')]);
  });
}

/** What is asked for, the answer that is none, what rump is told beside the two ends, and what it says. */
interface Nonsense {
  readonly asked: string;
  readonly answer: Buffer;
  /** Which of the questions with this name, beginning with 0, is answered so, and those behind it; the first without it. */
  readonly from?: number;
  readonly args?: readonly string[];
  readonly side?: 'target';
  readonly command?: 'check';
  /** What is answered to other commands. */
  readonly beside?: Readonly<Record<string, Buffer>>;
  readonly error: RegExp;
  /** How often it may be asked for. */
  readonly most: number;
}

const CASES: Readonly<Record<string, Nonsense>> = {
  'whether a large value is there': {
    asked: 'EXISTS',
    answer: nil,
    args: ['--big-key', '1k'],
    error: /it answers EXISTS with something else/,
    most: 1,
  },
  'a value with a number': {
    asked: 'DUMP',
    answer: integer(0),
    from: 1,
    error: /answers DUMP with something/,
    most: 8,
  },
  'how long a key was not used': {
    asked: 'OBJECT',
    answer: bulk('1'),
    args: ['--preserve-idle'],
    error: /it answers OBJECT IDLETIME with something else/,
    most: 8,
  },
  'the size of the database': { asked: 'DBSIZE', answer: nil, error: /it answers DBSIZE with something else/, most: 1 },
  'the size of the database at the start of a walk': {
    asked: 'DBSIZE',
    answer: integer(-1),
    from: 1,
    error: /it answers DBSIZE with something else/,
    most: 2,
  },
  // A look at a keyspace asks for two sections in one round trip.
  'who it is': { asked: 'INFO', answer: nil, from: 1, error: /it answers INFO with something else/, most: 3 },
  'which slots there are': {
    asked: 'CLUSTER',
    answer: nil,
    beside: { INFO: bulk('redis_version:7.0.15\r\ncluster_enabled:1\r\n') },
    error: /it answers CLUSTER SLOTS with something else/,
    most: 2,
  },
  'the type of a key, where SCAN knows none': {
    asked: 'TYPE',
    answer: nil,
    args: ['--type', 'hash'],
    beside: { INFO: bulk('redis_version:5.0.14\r\nrun_id:1\r\nused_memory:100000\r\n') },
    error: /it answers TYPE with something else/,
    most: 8,
  },
  'the type of a key that is counted': {
    asked: 'TYPE',
    answer: nil,
    args: ['--dry-run'],
    error: /it answers TYPE with something else/,
    most: 8,
  },
  'when a large value expires': {
    asked: 'PTTL',
    answer: nil,
    from: 4,
    args: ['--big-key', '1k'],
    beside: { PEXPIRETIME: error('ERR unknown command') },
    error: /key "large" in db 0: Cannot read the value: what PTTL was answered with is no reply to it/,
    most: 8,
  },
  'when fields expire, of fewer than there are': {
    asked: 'HPEXPIRETIME',
    answer: array(),
    args: ['--big-key', '1k'],
    error: /key "large" in db 0: Cannot read the value: what HPEXPIRETIME was answered with is no reply to it/,
    most: 1,
  },
  'when fields expire, of a hash that is there': {
    asked: 'HPEXPIRETIME',
    answer: nil,
    args: ['--big-key', '1k'],
    error: /key "large" in db 0: Cannot read the value: what HPEXPIRETIME was answered with is no reply to it/,
    most: 1,
  },
  'how many fields a hash has': {
    asked: 'HLEN',
    answer: nil,
    args: ['--big-key', '1k'],
    error: /key "large" in db 0: Cannot read the value: what HLEN was answered with is no reply to it/,
    most: 1,
  },
  'whether keys are there that only the target has': {
    asked: 'EXISTS',
    answer: integer(-1),
    command: 'check',
    error: /it answers EXISTS with something else/,
    most: 8,
  },
  'the value of a name that two keys want': {
    asked: 'DUMP',
    answer: integer(1),
    side: 'target',
    args: ['--strip-prefix', 'a:'],
    error: /it answers DUMP with something else/,
    most: 2,
  },
};

test('rump takes no reply of another shape for a key that is gone, for nothing, or for none', async (t) => {
  const { source, target, from, to } = await startPair(t);
  for (const [what, { asked, answer, from: first = 0, args = [], side, command, beside, ...end }] of Object.entries(
    CASES,
  )) {
    await t.test(what, async (t) => {
      await from.send('FLUSHALL');
      await to.send('FLUSHALL');
      await from.send('MSET', 'a:small', 1, 'small', 2);
      await from.send('HSET', 'large', ...Array.from({ length: 600 }, (_, i) => `field ${i}`));
      if (command === 'check') await to.send('SET', 'other', 1);
      let count = 0;
      const { url } = await replyProxy(t, (side === 'target' ? target : source).port, ([name]) =>
        name === asked && count++ >= first ? answer : beside?.[name!],
      );
      const ends = side === 'target' ? ['--from', source.url, '--to', url] : ['--from', url, '--to', target.url];
      const result = await runRump([...(command === undefined ? [] : [command]), ...ends, '--retries', '0', ...args]);
      assert.equal(result.code, 1, result.stderr);
      assert.match(result.stderr, end.error);
      assert.doesNotMatch(result.stdout, /Sync done|Both sides/);
      assert.ok(count <= end.most, `${asked} was asked for ${count} times`);
    });
  }
});
