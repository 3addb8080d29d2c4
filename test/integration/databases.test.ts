// Several databases at once, each into its place; and the choices that cannot be meant, refused before anything is written.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestClient } from '../support/client.ts';
import { writesOf } from '../support/command-stats.ts';
import { assertDone, assertFailed, assertRefused, linesOf } from '../support/outcome.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

/** Of each database the keys with their values. */
type Databases = Readonly<Record<number, Readonly<Record<string, string>>>>;

const DATABASES = 16;
const FILLED: Databases = {
  0: { key: 'of 0', 'only:0': '0' },
  3: { key: 'of 3', 'only:3': '3' },
  7: { key: 'of 7' },
};

async function fill(client: TestClient, databases: Databases): Promise<void> {
  for (const [db, keys] of Object.entries(databases)) {
    await client.send('SELECT', db);
    for (const [key, value] of Object.entries(keys)) await client.send('SET', key, value);
  }
}

async function read(client: TestClient): Promise<Databases> {
  const found: Record<number, Record<string, string>> = {};
  for (let db = 0; db < DATABASES; db += 1) {
    await client.send('SELECT', db);
    for (const key of (await client.send('KEYS', '*')) as Buffer[]) {
      (found[db] ??= {})[String(key)] = String(await client.send('GET', key));
    }
  }
  return found;
}

interface Choice {
  /** `/N` behind the URL. */
  readonly fromDb?: string;
  readonly toDb?: string;
  readonly args: readonly string[];
  readonly expected: Databases;
}

const CHOICES: readonly Choice[] = [
  { args: ['--db', '0,3'], expected: { 0: FILLED[0]!, 3: FILLED[3]! } },
  { fromDb: '/7', args: ['--db', '3,0'], expected: { 0: FILLED[0]!, 3: FILLED[3]! } },
  { args: ['--db', 'all'], expected: FILLED },
  { args: ['--db', '0,3', '--db-map', '0:5,3:0'], expected: { 5: FILLED[0]!, 0: FILLED[3]! } },
  { args: ['--db', 'all', '--db-map', '7:1'], expected: { 0: FILLED[0]!, 3: FILLED[3]!, 1: FILLED[7]! } },
  { toDb: '/9', args: ['--db', '3'], expected: { 9: FILLED[3]! } },
  { args: ['--db', '3'], expected: { 0: FILLED[3]! } },
  { fromDb: '/3', toDb: '/9', args: [], expected: { 9: FILLED[3]! } },
  { fromDb: '/3', toDb: '/9', args: ['--db-map', '3:8'], expected: { 8: FILLED[3]! } },
  { args: ['--db', '2'], expected: {} },
];

test('rump puts each database where --db, --db-map and the URLs say', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await fill(from, FILLED);
  for (const { fromDb = '', toDb = '', args, expected } of CHOICES) {
    await to.send('FLUSHALL');
    assertDone(await runRump(['--from', source.url + fromDb, '--to', target.url + toDb, ...args]));
    assert.deepEqual(await read(to), expected, `${fromDb} ${toDb} ${args.join(' ')}`);
  }
  assert.deepEqual(await read(from), FILLED);

  // With "all" each goes to its own number, whichever of them the source holds today.
  for (const db of [0, 7]) await from.pipeline([['SELECT', db], ['FLUSHDB']]);
  await to.send('FLUSHALL');
  const all = ['--from', source.url, '--to', target.url, '--db', 'all'];
  assertDone(await runRump(all));
  assert.deepEqual(await read(to), { 3: FILLED[3] });
  assert.equal((await runRump(['check', ...all])).code, 0);
});

test('rump counts the keys of every database that it copies', async (t) => {
  const { from, endpoints } = await startPair(t);
  await fill(from, FILLED);
  const result = await runRump([...endpoints, '--db', 'all', '--json']);
  const events = linesOf(result.stdout).map((line) => JSON.parse(line) as Record<string, unknown>);
  const start = events[0] as { databases: unknown; source: { keys: number } };
  assert.deepEqual(start.databases, [
    [0, 0],
    [3, 3],
    [7, 7],
  ]);
  assert.equal(start.source.keys, 5);
  assert.equal(events.at(-1)!['keys'], 5);
});

test('rump refuses databases that do not exist, wherever they stand in the list', async (t) => {
  const { source, target, from, to, endpoints } = await startPair(t, { target: { args: ['--databases', '4'] } });
  await fill(from, FILLED);
  await to.send('CONFIG', 'RESETSTAT');
  for (const [args, port, db] of [
    [['--db', '0,99'], source.port, 99],
    [['--db', '99,0'], source.port, 99],
    [['--db', 'all'], target.port, 7],
    [['--db', '0,3', '--db-map', '3:4'], target.port, 4],
    [['--db-map', '0:9'], target.port, 9],
  ] as const) {
    const result = await runRump([...endpoints, ...args]);
    assertRefused(result, { error: new RegExp(`^rump: Cannot use database ${db} of 127\\.0\\.0\\.1:${port}: `) });
  }
  assert.deepEqual(await read(to).catch(() => 'no more than 4'), 'no more than 4');
  assert.deepEqual(
    (await writesOf(to)).filter((name) => name !== 'restore'),
    [],
  );
  assert.doesNotMatch(String(await to.send('INFO', 'keyspace')), /db\d/);
});

test('rump copies between databases of one server, unless one is both read and written', async (t) => {
  const { source, from } = await startPair(t);
  await fill(from, FILLED);
  const ends = ['--from', source.url, '--to', source.url.replace('127.0.0.1', 'localhost')];
  for (const args of [
    ['--db', '0,3'],
    ['--db', 'all'],
    ['--db', '0,3', '--db-map', '0:3,3:9'],
    ['--db', '0,3', '--db-map', '0:3,3:0'],
    ['--db', '0,3', '--db-map', '0:5'],
  ]) {
    assertRefused(await runRump([...ends, ...args]), { error: /^rump: Cannot copy: .* are the same database \d$/ });
  }
  assert.deepEqual(await read(from), FILLED);
  assertDone(await runRump([...ends, '--db', '0,3', '--db-map', '0:10,3:13']));
  assert.deepEqual(await read(from), { ...FILLED, 10: FILLED[0], 13: FILLED[3] });
});

test('rump refuses any database but 0 of a cluster, on either side', async (t) => {
  const [cluster, { source, target, from, to }] = await Promise.all([startCluster(t, { primaries: 1 }), startPair(t)]);
  await fill(from, FILLED);
  await cluster.clients[0]!.send('SET', 'key', 'of the cluster');
  const { port } = cluster.nodes[0]!;
  for (const args of [
    ['--db', '3'],
    ['--db', '0,3'],
    ['--db', '0,3', '--db-map', '3:0'],
  ]) {
    const result = await runRump(['--from', cluster.url, '--to', target.url, ...args]);
    assertRefused(result, {
      error: new RegExp(`database 3 of .*127\\.0\\.0\\.1:${port}: .*(cluster|only database 0)`),
    });
  }
  for (const args of [
    ['--db', '0,3'],
    ['--db', 'all'],
    ['--db-map', '0:3'],
    ['--db', '0,3', '--db-map', '0:3,3:0'],
  ]) {
    const result = await runRump(['--from', source.url, '--to', cluster.url, ...args]);
    assertRefused(result, {
      error: new RegExp(`database \\d of .*127\\.0\\.0\\.1:${port}: .*(cluster|only database 0)`),
    });
  }
  assert.deepEqual(await read(to), {});
  assert.equal(await cluster.clients[0]!.send('DBSIZE'), 1);
  assertDone(await runRump(['--from', cluster.url, '--to', target.url, '--db', 'all']));
  assert.deepEqual(await read(to), { 0: { key: 'of the cluster' } });
  assertDone(await runRump(['--from', source.url, '--to', cluster.url, '--db', '3', '--db-map', '3:0']));
  assert.equal(await cluster.clients[0]!.send('DBSIZE'), 2);
});

test('rump keeps the first of two keys that come to the same name in one database, and names the other', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fill(from, { 0: { key: 'of 0', same: 'value', a: '0' }, 3: { key: 'of 3', same: 'value', b: '3' } });
  const args = [...endpoints, '--db', '0,3', '--db-map', '0:5,3:5'];
  const result = await runRump([...args, '--json']);
  assert.equal(result.code, 1);
  const events = linesOf(result.stdout).map((line) => JSON.parse(line) as Record<string, unknown>);
  const failed = events.filter(({ event }) => event === 'key-failed');
  assert.deepEqual(
    failed.map(({ db, key, code }) => ({ db, key, code })),
    [{ db: 3, key: 'key', code: 'COLLISION' }],
  );
  assert.equal(events.at(-1)!['failed'], 1);
  assert.deepEqual(await read(to), { 5: { key: 'of 0', same: 'value', a: '0', b: '3' } });
  await to.send('FLUSHALL');
  assertFailed(await runRump(args), { error: /^rump: .*"?key"?.*another key of the source has got the same name/ });
  assert.deepEqual(await read(to), { 5: { key: 'of 0', same: 'value', a: '0', b: '3' } });
});
