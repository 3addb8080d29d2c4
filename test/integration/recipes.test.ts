// The session and the recipes of README.md: the very commands that stand there, on real servers; only addresses are others.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../support/client.ts';
import type { Argument } from '../support/frames.ts';
import { assertSameData, fillAllTypes } from '../support/keyspace.ts';
import { blocksOf, read } from '../support/pages.ts';
import { startShell } from '../support/recipe-shell.ts';
import { assertSame } from '../support/snapshot.ts';
import { AFTER_MOVES, createCluster, TestCluster } from '../support/redis-cluster.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { fieldExpiriesOf, knows, serverName } from '../support/server-facts.ts';
import { present } from '../support/server-versions.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { watchRun } from '../support/watch-recipe.ts';

/** As the sessions of the page say. */
const SESSION_KEYS = 12_346;
const FAR_AWAY = 4_102_444_800_123;

/** Fields of all hashes. */
const COUNT_FIELDS =
  "local n = 0 for _, k in ipairs(redis.call('KEYS', '*')) do if redis.call('TYPE', k).ok == 'hash' then n = n + redis.call('HLEN', k) end end return n";

let folder: string;
let old: TestServer;
let fresh: TestServer;
let redis8: TestServer;
let valkey9: TestServer;
let oldCluster: TestCluster;
let newCluster: TestCluster;
let from: TestClient;
let to: TestClient;
/** Where the addresses of the page lead. */
let places: Record<string, string>;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rump-recipes-'));
  [old, fresh, redis8, valkey9, oldCluster, newCluster] = await Promise.all([
    startServer(),
    startServer(),
    startServer({ binary: present(['redis-8.0'])[0]?.binary }),
    startServer({ binary: present(['valkey-9.1'])[0]?.binary }),
    createCluster({ primaries: 2 }),
    createCluster({ primaries: 2 }),
  ]);
  [from, to] = await Promise.all([old.client(), fresh.client()]);
  places = {
    '127.0.0.1:6379': placeOf(old),
    '192.168.0.153:6379': placeOf(fresh),
    'old:6379': placeOf(old),
    'new:6379': placeOf(fresh),
    'redis8:6379': placeOf(redis8),
    'valkey9:6379': placeOf(valkey9),
    '10.0.0.1:6379': placeOf(oldCluster.nodes[0]!),
    '10.0.0.2:6379': placeOf(oldCluster.nodes[1]!),
    '10.1.0.1:6379': placeOf(newCluster.nodes[1]!),
  };
});

after(async () => {
  await Promise.all([old, fresh, redis8, valkey9, oldCluster, newCluster].map((each) => each.stop()));
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  await Promise.all([from, to, ...newCluster.clients].map((client) => client.send('FLUSHALL')));
});

test('README.md: the session on the first screen', async (t) => {
  await fill(SESSION_KEYS);
  await to.send('CONFIG', 'SET', 'requirepass', 'secret');
  t.after(() => to.send('CONFIG', 'SET', 'requirepass', ''));
  await assertSession(blocksOf('rump', 'console')[0]!);
  await assertSameData(from, to);
});

const RECIPES: Readonly<Record<string, (t: TestContext) => Promise<void>>> = {
  'One server to another': async () => {
    await fillAllTypes(from);
    const said = await follow('One server to another');
    assert.match(said, /nothing was written, as --dry-run asks\n[^]*Sync done\.\n/);
    await assertSameData(from, to);
  },

  'Move without downtime': async () => {
    await fillAllTypes(from);
    await move(from, 0, 1);
    await assertSameData(from, to);
    await move(to, 2, 1, (said) => said.replace('old:', 'new:').replace('moved', 'back'));
    await assertSameData(to, from);
  },

  'Cluster to cluster': async () => {
    await fillOldCluster();
    assert.match(await follow('Cluster to cluster'), /Sync done\.\n/);
    assertSame(await newCluster.contents(), await oldCluster.contents(), AFTER_MOVES);
  },

  'Redis 8 to Valkey 9': async () => {
    const [redis, valkey] = await Promise.all([redis8.client(), valkey9.client()]);
    await fillAllTypes(redis);
    const expires = (await knows(redis, 'HPEXPIREAT')) && (await knows(valkey, 'HPEXPIREAT'));
    if (expires) {
      await redis.send('HSET', 'session', 'token', 'abc', 'user', '17');
      await redis.send('HPEXPIREAT', 'session', FAR_AWAY, 'FIELDS', 1, 'token');
    }
    const said = await follow('Redis 8 to Valkey 9');
    assert.match(said, /Sync done\.\n/);
    await assertSameData(redis, valkey);
    if (expires) assert.deepEqual(await fieldExpiriesOf(valkey, 'session'), { token: FAR_AWAY });
    if ((await serverName(redis)) !== (await serverName(valkey))) assert.match(said, / [1-9][\d,]* converted/);
  },

  'Through a tunnel': async (t) => {
    await fillOldCluster();
    const [recipe] = blocksOf('Through a tunnel', 'sh');
    const tunnels = await Promise.all(
      Array.from(recipe!.matchAll(/-L (\d+):(\S+)/g), async ([, port, place]) => {
        const proxy = await startProxy({ port: Number(places[place!]!.split(':')[1]) });
        t.after(() => proxy.close());
        places[`127.0.0.1:${port}`] = `127.0.0.1:${proxy.port}`;
        return proxy;
      }),
    );
    assert.match(await follow('Through a tunnel'), /Sync done\.\n/);
    // Each node is reached through its own tunnel, and nothing goes by it.
    const [own, other] = oldCluster.nodes.map((_, node) => tunnels[node]!.bytesDown);
    assert.ok(own! > 10_000 && other! > 10_000, `${own} and ${other} bytes went through the tunnels`);
    const single = new TestCluster([fresh], [to], 1, 0);
    assertSame(await single.contents(), await oldCluster.contents(), AFTER_MOVES);
  },

  'Backup to a file, and back': async () => {
    await fillAllTypes(from);
    assert.match(
      await follow('Backup to a file, and back'),
      /Sync done\.\n[^]*Both sides are equal\.\n[^]*Sync done\.\n/,
    );
    await assertSameData(from, to);
    await to.send('FLUSHALL');
    assert.match(await follow('Backup to a file, and back', 1), /errors: 0,/);
    await assertSameData(from, to);
  },

  'Keys as JSON, for other tools': async () => {
    await fillAllTypes(from);
    const hashes = await from.send('EVAL', COUNT_FIELDS, 0);
    await from.pipeline([
      ['SET', 'user:17', 'x', 'EX', 10_000],
      ['SET', 'user:18', 'y'],
    ]);
    const lines = (await follow('Keys as JSON, for other tools'))
      .split('\n')
      .filter((line) => !line.startsWith('rump: '));
    assert.deepEqual(lines.slice(-2), ['user:18', '']);
    const counted = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as { fields: number });
    assert.equal(
      counted.reduce((sum, { fields }) => sum + fields, 0),
      hashes,
    );
  },

  'A snapshot into a server': async () => {
    const [fromOther, toOther] = await Promise.all([old.client(3), fresh.client(3)]);
    await Promise.all([fillAllTypes(from), fromOther.send('SET', 'key', 'of another database')]);
    assert.match(await follow('A snapshot into a server'), /Sync done\.\n/);
    await assertSameData(from, to);
    await assertSameData(fromOther, toOther);
  },

  'Only some keys': async () => {
    for (const key of ['user:17', 'user:18', 'user:17:tmp', 'cart:1041'])
      await from.send('SET', key, `value of ${key}`);
    assert.match(await follow('Only some keys'), /Sync done\.\n/);
    const second = await fresh.client(2);
    assert.deepEqual(namesOf(await second.send('KEYS', '*')), ['shop:user:17', 'shop:user:18']);
    assert.equal(String(await second.send('GET', 'shop:user:17')), 'value of user:17');
    assert.equal(await to.send('DBSIZE'), 0);
  },

  'Watch a run': () => watchRun(folder, from, commandsOf),

  'Report on a run': async () => {
    await fillAllTypes(from);
    assert.match(await follow('Report on a run'), /Sync done\.\n[^]*Both sides are equal\.\n/);
    const pages = ['moved.html', 'compared.html'].map((name) => readFileSync(join(folder, name), 'utf8'));
    assert.deepEqual(
      pages.map((page) => /<h1>(.*)<\/h1>/.exec(page)?.[1]),
      ['Everything was copied, and it compares equal', 'Both sides are equal'],
    );
  },

  'See what goes over the wire': async () => {
    await from.pipeline([
      ['SET', 'user:17', 'v7'],
      ['SET', 'user:18', 'v8'],
    ]);
    const said = await follow('See what goes over the wire');
    assert.match(said, /^\S+ source 0 > \d+ "DUMP" "user:17"$[^]*^\S+ target 0 > \d+ "RESTORE" "user:17" /m);
    assert.doesNotMatch(said, /"RESTORE" "user:18"/);
    assert.match(readFileSync(join(folder, 'frames.log'), 'utf8'), /^\S+ target 0 > \d+ "RESTORE" "user:18" /m);
    const inspected = await follow('See what goes over the wire', 1);
    assert.match(inspected, /^source 0 > \d+ "DUMP" "user:17"\nsource 0 < \d+ "/m);
    assert.doesNotMatch(inspected, /"RESTORE" "user:18"/);
  },

  'Prove that nothing is missing': async () => {
    await Promise.all([fill(SESSION_KEYS - 2), fill(SESSION_KEYS - 2, to)]);
    await from.pipeline([
      ['SET', 'cart:1041', '1'],
      ['SET', 'user:17', 'x', 'EX', 10_000],
    ]);
    await to.pipeline([
      ['SET', 'tmp:lock', '1'],
      ['SET', 'user:17', 'y'],
    ]);
    await assertSession(blocksOf('Prove that nothing is missing', 'console')[0]!);
  },
};

for (const [name, recipe] of Object.entries(RECIPES)) test(`README.md, recipe: ${name}`, recipe);

/** By ctl.test.ts, and by inspect-keyspace.test.ts. */
const TESTED_ELSEWHERE = new Set(['Slow down a copy that is under way', 'Look into keys']);

test('Every recipe of README.md has a test', () => {
  const chapter = /^## Recipes\n([^]*?)^## /m.exec(read('README.md'))?.[1] ?? '';
  const headings = Array.from(chapter.matchAll(/^### (.+)$/gm), ([, heading]) => heading);
  assert.deepEqual(
    headings.filter((heading) => !TESTED_ELSEWHERE.has(heading!)),
    Object.keys(RECIPES),
  );
});

async function fill(keys: number, client = from): Promise<void> {
  const commands = Array.from({ length: keys }, (_, i): Argument[] => ['SET', `key:${i}`, `value:${i}`]);
  await client.pipeline(commands);
}

/** Follows one block of the recipe, with a writer at work until another one stops it. @param other what that one says here */
async function move(writes: TestClient, block: number, stop: number, other?: (said: string) => string): Promise<void> {
  await writes.send('ACL', 'SETUSER', 'app', 'reset', 'on', 'nopass', '~*', '+@all');
  const app = await (writes === from ? old : fresh).client();
  await app.send('AUTH', 'app', 'any');
  const writing = writeUntilRefused(app);
  const moving = startShell(folder, commandsOf('Move without downtime', block));
  await moving.says(/^rump: in sync$/m);
  await runShell(commandsOf('Move without downtime', stop, other));
  const { written, deleted } = await writing;
  const said = await moving.done;
  assert.match(said, /Sync done\.\n/);
  assert.match(said, / equal, 0 differ, /);
  const target = writes === from ? to : from;
  assert.ok(deleted.length > 0);
  assert.equal(await target.send('EXISTS', ...deleted), 0);
  assert.equal(await target.send('EXISTS', ...written), written.length);
}

/** All that the server has acknowledged. */
async function writeUntilRefused(app: TestClient): Promise<{ written: string[]; deleted: string[] }> {
  const written: string[] = [];
  const deleted: string[] = [];
  for (let number = 0; ; number++) {
    const replies = await app.pipeline([
      ['SET', `number:${number}`, number],
      ['DEL', `number:${number - 100}`],
    ]);
    if (replies[0] instanceof Error) return { written, deleted };
    written.push(`number:${number}`);
    if (replies[1] === 1) deleted.push(written.shift()!);
    await sleep(1);
  }
}

/** Small enough that the same value is always dumped as the same bytes. */
async function fillOldCluster(): Promise<void> {
  await oldCluster.pipeline(
    Array.from({ length: 600 }, (_, i): Argument[][] => [
      ['SET', `key:${i}`, `value:${i}`, 'PXAT', FAR_AWAY + i],
      ['HSET', `hash:${i}`, 'field', i, 'padding', 'x'.repeat(i % 60)],
    ]).flat(),
  );
}

function placeOf({ port }: TestServer): string {
  return `127.0.0.1:${port}`;
}

function namesOf(reply: unknown): string[] {
  return (reply as Buffer[]).map(String).toSorted();
}

/** Runs one block of commands of the recipe; each has to succeed. Resolves with what they print. */
async function follow(recipe: string, block = 0): Promise<string> {
  return runShell(commandsOf(recipe, block));
}

function commandsOf(recipe: string, block: number, said = (commands: string): string => commands): string {
  const commands = blocksOf(recipe, 'sh')[block];
  assert.ok(commands, `${recipe}: no commands`);
  return `set -e\n${atPlaces(said(commands))}`;
}

async function runShell(script: string): Promise<string> {
  return startShell(folder, script).done;
}

/** Types what stands behind `$`, and has to see what the page shows. How long it takes, and how fast it is, is another matter. */
async function assertSession(session: string): Promise<void> {
  const lines = atPlaces(session).split('\n');
  const typed = lines.filter((line) => line.startsWith('$ ')).map((line) => `show '${line}'\n${line.slice(2)}\n`);
  const show = 'show() { code=$?; echo "$1"; return $code; }\n';
  assert.deepEqual(comparable(await runShell(show + typed.join(''))), comparable(lines.join('\n')));
}

/** Names of keys come in any order. */
function comparable(session: string): string[] {
  const timeless = session.replaceAll(/[\d.,]+ (KiB|s\b|keys\/s)/g, '# $1');
  return timeless.trim().split('\n').toSorted();
}

function atPlaces(text: string): string {
  const names = Object.keys(places).map((name) => name.replaceAll('.', String.raw`\.`));
  return text.replaceAll(new RegExp(String.raw`(?<![\w.])(?:${names.join('|')})\b`, 'g'), (name) => places[name]!);
}
