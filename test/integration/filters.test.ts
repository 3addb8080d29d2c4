// Which keys cross: every filter against an independent one that looks at every key of the source by itself.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { TestClient } from '../support/client.ts';
import { callsOf } from '../support/command-stats.ts';
import { fillAllTypes, snapshot, type Snapshot } from '../support/keyspace.ts';
import { lend } from '../support/lent-servers.ts';
import { startMemoryServer, type MemoryServer } from '../support/memory-server/memory-server.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

interface Filter {
  readonly match?: readonly string[];
  readonly exclude?: readonly string[];
  readonly type?: string;
}

const NAMES = [
  '[x]',
  'x',
  '*',
  '**',
  'a*b',
  'user:1',
  'user:1\n2',
  'user:',
  'USER:1',
  '\\',
  '\\*',
  '?',
  '\xff\xfe',
  '^',
];
const TYPES = ['string', 'list', 'set', 'zset', 'hash', 'stream'];

const FILTERS: readonly Filter[] = [
  {},
  { match: ['*'] },
  { match: ['user:*'] },
  { match: ['\\[x\\]'] },
  { match: ['\\*'] },
  { match: ['\\\\*'] },
  { match: ['[^a-z]*'] },
  { match: ['user:*', 'hash:*', '\\?'] },
  { exclude: ['*'] },
  { exclude: ['user:?', '*:*:expiring', '[*?^]'] },
  { match: ['user:*'], exclude: ['*2'] },
  { match: ['*a*', '*e*'], exclude: ['*:expiring', 'user:*'] },
  ...TYPES.map((type) => ({ type })),
  { type: 'ReJSON-RL' },
  { type: 'set', match: ['*:expiring', 'user:*'], exclude: ['set:h*'] },
  { type: 'hash', exclude: ['*large*'] },
];

function argumentsOf({ match = [], exclude = [], type }: Filter): string[] {
  return [
    ...match.flatMap((glob) => ['--match', glob]),
    ...exclude.map((glob) => `--exclude=${glob}`),
    ...(type === undefined ? [] : ['--type', type]),
  ];
}

/** Redis globs, on their own: only what the patterns above use. Some names are too long to be looked at by recursion. */
function isLike(glob: string, name: string): boolean {
  const source = glob.replace(/\[[^\]]*\]|\\[^]|[^]/g, (token) => {
    if (token === '*') return '[^]*';
    if (token === '?') return '[^]';
    if (!token.startsWith('[') || token.length < 3) return literal(token.at(-1)!);
    const [, not, set] = /^\[(\^?)(.*)\]$/s.exec(token)!;
    return `[${not}${/^.-.$/.test(set!) ? set : set!.replace(/[^]/g, literal)}]`;
  });
  return new RegExp(`^${source}$`).test(name);
}

function literal(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

function isWanted({ match, exclude = [], type }: Filter, key: string, { type: own }: Snapshot): boolean {
  if (match !== undefined && !match.some((glob) => isLike(glob, key))) return false;
  return !exclude.some((glob) => isLike(glob, key)) && (type === undefined || type === own);
}

async function fill(client: TestClient): Promise<void> {
  await fillAllTypes(client);
  await client.pipeline(NAMES.map((name) => ['SET', Buffer.from(name, 'latin1'), `of ${name}`]));
  await client.pipeline(TYPES.map((type, i) => ['SADD', `user:${type}`, i]));
}

function expectedOf(filter: Filter, all: ReadonlyMap<string, Snapshot>): string[] {
  return [...all].filter(([key, entry]) => isWanted(filter, key, entry)).map(([key]) => key);
}

async function assertExactly(to: TestClient, filter: Filter, all: ReadonlyMap<string, Snapshot>): Promise<number> {
  const there = await snapshot(to);
  const expected = expectedOf(filter, all);
  assert.deepEqual([...there.keys()].toSorted(), expected.toSorted(), JSON.stringify(filter));
  for (const key of expected) assert.deepEqual(there.get(key), all.get(key), JSON.stringify([filter, key]));
  return expected.length;
}

test('rump copies the keys that its filters let through, and no other', async (t) => {
  const { source, from } = await startPair(t);
  await fill(from);
  const all = await snapshot(from);
  const targets = await Promise.all([lend(t), lend(t)]);
  let next = 0;
  let empty = 0;
  await Promise.all(
    targets.map(async (target) => {
      const to = await target.client();
      for (let filter = FILTERS[next++]; filter !== undefined; filter = FILTERS[next++]) {
        await to.send('FLUSHALL');
        const result = await runRump(['--from', source.url, '--to', target.url, ...argumentsOf(filter)]);
        assertDone(result);
        const expected = await assertExactly(to, filter, all);
        assert.match(result.stderr, new RegExp(`^rump: ${expected} keys?, `, 'm'), JSON.stringify(filter));
        assert.equal(/nothing is in scope/.test(result.stderr), expected === 0, JSON.stringify(filter));
        if (expected === 0) empty += 1;
      }
    }),
  );
  // Those that exclude everything, and the type that no key has.
  assert.equal(empty, 2, 'A filter lets nothing through, and so proves nothing');
});

test('rump leaves one --match and --type to SCAN, and reads no value of a key that it leaves out', async (t) => {
  const { from, endpoints } = await startPair(t);
  await from.pipeline(Array.from({ length: 2000 }, (_, i) => ['SET', `${i % 2 === 0 ? 'even' : 'odd'}:${i}`, i]));
  await from.send('RPUSH', 'even:list', 1);
  for (const [args, dumps] of [
    [['--match', 'even:*'], 1001],
    [['--match', 'even:*', '--match', 'odd:1'], 1002],
    [['--exclude', 'even:*'], 1000],
    [['--type', 'list'], 1],
    [['--type', 'list', '--match', 'odd:*'], 0],
  ] as const) {
    await from.send('CONFIG', 'RESETSTAT');
    assertDone(await runRump([...endpoints, ...args]));
    const calls = await callsOf(from);
    // One DUMP more is the look at the rights.
    assert.equal(calls.get('dump'), dumps + 1, args.join(' '));
    assert.ok((calls.get('type') ?? 0) <= 1, `${calls.get('type')} TYPEs for ${args.join(' ')}`);
  }
});

test('rump --type asks for each type where SCAN does not know TYPE', async (t) => {
  const old = await startMemoryServer({ version: '5.0.14' });
  t.after(() => old.stop());
  const from = await clientOf(t, old);
  await assert.rejects(from.send('SCAN', 0, 'TYPE', 'list'), /syntax/);
  const target = await lend(t);
  const to = await target.client();
  const names = Array.from({ length: 300 }, (_, i) => `${i % 3 === 0 ? 'a' : 'b'}:${i}`);
  const writers: Readonly<Record<string, (key: string) => (string | number)[]>> = {
    string: (key) => ['SET', key, 'value'],
    list: (key) => ['RPUSH', key, 1, 2],
    set: (key) => ['SADD', key, 'one'],
    hash: (key) => ['HSET', key, 'field', 'value'],
  };
  const types = Object.keys(writers);
  const typeOf = (i: number): string => types[i % types.length]!;
  for (const reply of await from.pipeline(names.map((name, i) => writers[typeOf(i)]!(name)))) {
    if (reply instanceof Error) throw reply;
  }
  for (const type of ['string', 'hash', 'stream']) {
    for (const match of [undefined, 'a:*']) {
      await to.send('FLUSHALL');
      const filter = ['--type', type, ...(match === undefined ? [] : ['--match', match])];
      assertDone(await runRump(['--from', old.url, '--to', target.url, '--count', '50', ...filter]));
      const expected = names.filter((name, i) => typeOf(i) === type && (match === undefined || name.startsWith('a:')));
      assert.deepEqual([...(await snapshot(to)).keys()].toSorted(), expected.toSorted(), filter.join(' '));
    }
  }
});

test('rump --type copies no key of which the source will not tell the type', async (t) => {
  const old = await startMemoryServer({ version: '5.0.14', unknown: ['TYPE'] });
  t.after(() => old.stop());
  await (await clientOf(t, old)).send('SET', 'key', 'value');
  const target = await lend(t);
  const result = await runRump(['--from', old.url, '--to', target.url, '--type', 'string']);
  assertFailed(result, { error: /^rump: key "key" in db 0: ERR unknown command/ });
  assert.equal(await (await target.client()).send('DBSIZE'), 0);
});

async function clientOf(t: TestContext, { port }: MemoryServer): Promise<TestClient> {
  const client = await TestClient.connect({ port });
  t.after(() => client.close());
  return client;
}
