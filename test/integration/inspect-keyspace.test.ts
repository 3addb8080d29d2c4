// rump inspect ENDPOINT: what a keyspace holds, in tables, as JSON, and as a line for each key.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { slotOf } from '../../src/cluster/slot.ts';
import { callsOf, writesOf } from '../support/command-stats.ts';
import { readLine } from '../support/exported.ts';
import { assertDone, assertFailed, linesOf } from '../support/outcome.ts';
import { blocksOf } from '../support/pages.ts';
import { fillByRecipes } from '../support/recipe-keyspace.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { folderOf, restores } from '../support/resp-file.ts';
import { MAIN, runInspect, runRump, spawnRump } from '../support/rump.ts';
import { startOne } from '../support/server-pair.ts';
import { servers } from '../support/server-versions.ts';
import { openTerminal } from '../support/terminal.ts';

interface Figures {
  readonly complete: boolean;
  readonly keys: number;
  readonly bytes: number;
  readonly expiring: number;
  readonly large: number;
  readonly recounted: number;
  readonly types: readonly { readonly type: string; readonly keys: number; readonly bytes: number }[];
  readonly prefixes: readonly { readonly prefix: unknown; readonly keys: number; readonly bytes: number }[];
  readonly largest: readonly { readonly db: number; readonly key: unknown; readonly bytes: number }[];
  readonly hottest: readonly { readonly key: unknown; readonly counter: number }[];
  readonly nodes: readonly { readonly node: string; readonly slots: number; readonly keys: number }[];
  readonly slots: readonly { readonly slot: number; readonly keys: number; readonly bytes: number }[];
}

async function figuresOf(endpoint: string, ...words: string[]): Promise<Figures> {
  const { code, stdout, stderr } = await runInspect(endpoint, '--json', ...words);
  assert.deepEqual([code, stderr, linesOf(stdout).length], [0, '', 1], stdout);
  return JSON.parse(stdout) as Figures;
}

for (const { name, binary } of servers('redis-6.0', 'redis-8.0', 'valkey-9.1')) {
  test(`rump inspect counts every key of a server by what the server says of it (${name})`, async (t) => {
    const [server, client] = await startOne(t, { binary });
    const keys = await fillByRecipes(client);
    const types = (await client.pipeline(keys.map((key) => ['TYPE', key]))).map(String);
    const dumps = (await client.pipeline(keys.map((key) => ['DUMP', key]))) as Buffer[];
    await client.send('CONFIG', 'RESETSTAT');
    const figures = await figuresOf(server.url);
    assert.deepEqual(await writesOf(client), []);
    assert.ok((await callsOf(client)).has('scan'));
    const bytes = dumps.reduce((sum, { length }) => sum + length, 0);
    assert.deepEqual([figures.complete, figures.keys, figures.bytes, figures.large], [true, keys.length, bytes, 0]);
    for (const type of new Set(types)) {
      const dumped = dumps.filter((_, i) => types[i] === type);
      const size = dumped.reduce((sum, { length }) => sum + length, 0);
      const { keys: found, bytes: counted } = figures.types.find((one) => one.type === type)!;
      assert.deepEqual([found, counted], [dumped.length, size], type);
    }
    const sizes = dumps.map(({ length }) => length).toSorted((one, other) => other - one);
    assert.deepEqual(
      figures.largest.map((one) => one.bytes),
      sizes.slice(0, 20),
    );
  });
}

test('rump inspect prints tables: types, prefixes of a depth, the largest keys', async (t) => {
  const [server, client] = await startOne(t);
  await client.pipeline([
    ...Array.from({ length: 300 }, (_, i) => ['SET', `user:${i % 3}:${i}`, 'v'.repeat(100), 'EX', '1000']),
    ['RPUSH', 'queue', 'x'.repeat(50_000)],
    ['SET', 'odd\x1b[31m:\u202ename', 'x'],
  ]);
  const { code, stdout, stderr } = await runInspect(server.url);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^302 keys, [\d.]+ KiB of payloads\n300 with an expiry; in [\d.]+ s\n\n/);
  assert.match(stdout, /^ *300 +[\d.]+ KiB +\d+ % +300 {2}string$|^ *301 +[\d.]+ KiB +\d+ % +300 {2}string$/m);
  assert.match(stdout, /^ *300 +[\d.]+ KiB +\d+ % {2}user:$/m);
  assert.match(stdout, /^ *[\d.]+ (?:KiB|B) +list {2}"queue" in db 0$/m);
  assert.match(stdout, /^ *1 +\d+ B +0 % {2}odd\\x1b\[31m:$/m);
  assert.doesNotMatch(stdout, /[^\n -~]/);
  const deep = await figuresOf(server.url, '--depth', '2', '--match', 'user:*');
  assert.deepEqual(deep.prefixes.map(({ prefix, keys }) => `${String(prefix)} ${keys}`).toSorted(), [
    'user:0: 100',
    'user:1: 100',
    'user:2: 100',
  ]);
  const lists = await figuresOf(server.url, '--type', 'list');
  assert.deepEqual([lists.keys, lists.types.length], [1, 1]);
  const rest = await figuresOf(server.url, '--exclude', 'user:*');
  assert.equal(rest.keys, 2);
});

test('rump inspect counts a cluster by node and by slot', async (t) => {
  const cluster = await startCluster(t);
  const commands = Array.from({ length: 3000 }, (_, i) => ['SET', i % 3 === 0 ? `{busy}:${i}` : `key:${i}`, 'value']);
  await cluster.pipeline(commands);
  const { keys, nodes, slots } = await figuresOf(cluster.nodes[1]!.url);
  assert.equal(keys, 3000);
  assert.deepEqual([nodes.length, nodes.reduce((sum, node) => sum + node.keys, 0)], [3, 3000]);
  assert.equal(
    nodes.reduce((sum, node) => sum + node.slots, 0),
    16_384,
  );
  for (const [i, client] of cluster.clients.entries()) {
    const node = nodes.find((one) => one.node.endsWith(`:${cluster.nodes[i]!.port}`))!;
    assert.equal(node.keys, await client.send('DBSIZE'));
  }
  const busy = slotOf(Buffer.from('busy'));
  assert.equal(slots[0]!.slot, busy);
  assert.ok(slots[0]!.keys >= 1000);
  const keysOf = new Map<number, number>();
  for (const [, name] of commands) {
    const slot = slotOf(Buffer.from(name!));
    keysOf.set(slot, (keysOf.get(slot) ?? 0) + 1);
  }
  assert.deepEqual(new Map(slots.map((one) => [one.slot, one.keys])), keysOf);
  const text = (await runInspect(cluster.nodes[0]!.url)).stdout;
  assert.match(
    text,
    new RegExp(`\\n *keys +bytes +slot\\n(?: *\\d.*\\n){10}\\n${keysOf.size.toLocaleString('en')} slots have keys: `),
  );

  // A slot that moves while its node is read is read once more.
  const tag = Array.from({ length: 100 }, (_, i) => `tag${i}`).find((name) => slotOf(Buffer.from(name)) < 5000)!;
  const moved = slotOf(Buffer.from(tag));
  await cluster.pipeline(Array.from({ length: 50 }, (_, i) => ['SET', `{${tag}}:${i}`, 'value']));
  let pages = 0;
  const { port } = cluster.nodes[0]!;
  const { url } = await replyProxy(t, port, async ([name]) => {
    if (name === 'SCAN' && ++pages === 3) await cluster.moveSlot(moved, 0, 1);
    return undefined;
  });
  const nat = ['--from-nat', `127.0.0.1:${port}=${url.replace('redis://', '')}`];
  const { code, stdout, stderr } = await runInspect(cluster.nodes[1]!.url, '--json', '--count', '100', ...nat);
  assert.match(stderr, /slots have moved \(1\); they are read once more/);
  const again = JSON.parse(stdout) as Figures;
  const others = commands.filter(([, name]) => slotOf(Buffer.from(name!)) !== moved).length;
  assert.deepEqual([code, again.keys - again.recounted], [0, others]);
  assert.ok(again.recounted >= 50, `${again.recounted}`);
});

test('rump inspect counts streams and snapshots, packed or from stdin, as it does their server', async (t) => {
  const [server, client] = await startOne(t);
  await client.pipeline(Array.from({ length: 50 }, (_, i) => ['SET', `p${i % 5}:${i}`, 'v'.repeat(i)]));
  await client.pipeline([['HSET', 'hash', 'f', 'v'], ['SAVE']]);
  const stream = join(folderOf(t), 'f.resp.gz');
  assertDone(await runRump(['--from', server.url, '--to', stream]));
  const { types, prefixes } = await figuresOf(server.url);
  for (const file of [stream, join(server.dir, 'dump.rdb')]) {
    const figures = await figuresOf(file);
    assert.deepEqual([figures.types, figures.prefixes, figures.nodes], [types, prefixes, []]);
  }
  const input = restores(3);
  const { code, stdout } = await spawnRump(['inspect', '-', '--json'], { input }).done;
  assert.deepEqual([code, (JSON.parse(stdout) as Figures).keys], [0, 3]);
});

test('rump inspect ranks the hottest keys where the policy counts, and does without the right to ask', async (t) => {
  const [server, client] = await startOne(t, { args: ['--maxmemory-policy', 'allkeys-lfu'] });
  await client.send('SET', 'model', 'value');
  const payload = (await client.send('DUMP', 'model')) as Buffer;
  await client.pipeline([
    ['DEL', 'model'],
    ...Array.from({ length: 30 }, (_, i) => ['RESTORE', `key:${i}`, 0, payload, 'FREQ', i * 8]),
  ]);
  const { hottest } = await figuresOf(server.url);
  assert.equal(hottest.length, 20);
  assert.deepEqual(
    hottest.slice(0, 3).map(({ key }) => key),
    ['key:29', 'key:28', 'key:27'],
  );
  assert.ok(hottest.every(({ counter }, i) => i === 0 || counter <= hottest[i - 1]!.counter));
  const rights = ['+info', '+time', '+dbsize', '+select', '+scan', '+dump', '+pttl', '+pexpiretime'];
  await client.send('ACL', 'SETUSER', 'least', 'on', '>canary', '~*', ...rights);
  const least = await runInspect(server.url.replace('//', '//least:canary@'), '--json');
  const figures = JSON.parse(least.stdout) as Figures;
  assert.deepEqual([least.code, figures.keys, figures.hottest], [0, 30, []]);
  assert.doesNotMatch(least.stdout + least.stderr, /canary/);
  const told = await runInspect(server.url.replace('//', '//least:canary@'));
  assert.match(told.stdout, /^Which keys are the hottest the server does not tell this user: that takes \+object\.$/m);
});

test('rump inspect ranks the hottest keys of a snapshot whose server has counted', async () => {
  const path = fileURLToPath(new URL('../../../fixtures/snapshots/redis-7.0-lfu.rdb', import.meta.url));
  const { hottest } = JSON.parse((await runInspect(path, '--json')).stdout) as Figures;
  assert.deepEqual([hottest[0]?.key, hottest[0]?.counter], ['frequent', 255]);
});

test('rump inspect does not dump what is large, and says whose word its bytes are', async (t) => {
  const [server, client] = await startOne(t);
  await client.pipeline([
    ['SET', 'large', 'x'.repeat(400_000)],
    ['SET', 'small', 'x'],
  ]);
  await client.send('CONFIG', 'RESETSTAT');
  const result = await runInspect(server.url, '--big-key', '100k');
  assert.equal(result.code, 0);
  assert.match(
    result.stdout,
    /^One large value was not dumped: what counts is the memory that the server tells, or else an estimate\.$/m,
  );
  assert.match(result.stdout, /^4\d\d\.\d KiB +\S+ {2}"large" in db 0$/m);
  const sent = Number(/total_net_output_bytes:(\d+)/.exec(String(await client.send('INFO', 'stats')))?.[1]);
  assert.ok(sent < 200_000, `${sent} bytes`);
  await client.send('ACL', 'SETUSER', 'untold', 'on', '>canary', '~*', '+@all', '-memory');
  const untold = await runInspect(server.url.replace('//', '//untold:canary@'), '--big-key', '100k');
  assert.match(untold.stdout, /^390\.\d KiB +\S+ {2}"large" in db 0$/m);
});

test('the tables of rump inspect break no line of a terminal of 40 columns', async (t) => {
  const [server, client] = await startOne(t);
  await client.pipeline(
    Array.from({ length: 3 }, (_, i) => ['SET', `${'long'.repeat(30)}:${i}`, 'v'.repeat(5000 * i)]),
  );
  const terminal = openTerminal(t, {
    columns: 40,
    rows: 80,
    command: `${process.execPath} ${MAIN} inspect ${server.url}; echo END; stty cols 0; ${process.execPath} ${MAIN} inspect ${server.url}; echo OVER`,
  });
  const lines = await terminal.shows(/^END$/);
  assert.ok(lines.every((line) => line.length <= 40));
  assert.equal(lines.filter((line) => /… *$/.test(line)).length, 4);
  assert.equal(lines.filter((line) => /^ *keys|^ *bytes|^ *counter/.test(line)).length, 3);
  // Some terminals do not say how wide they are.
  const unknown = await terminal.shows(/^OVER$/);
  assert.equal(unknown.filter((line) => /^ *keys +bytes +share +expiring +type$/.test(line)).length, 2);
});

test('rump inspect --ndjson prints every key with its value, a line each', async (t) => {
  const [server, client] = await startOne(t);
  const keys = await fillByRecipes(client);
  const { code, stdout, stderr } = await spawnRump(['inspect', server.url, '--ndjson']).done;
  assert.equal(code, 0, stderr);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => readLine(line));
  assert.deepEqual(
    lines.map(({ key }) => key.toString('latin1')).toSorted(),
    keys.map((key) => Buffer.from(key).toString('latin1')).toSorted(),
  );
  const filtered = await runInspect(server.url, 'key', '--match', 'k*');
  assertFailed(filtered, { code: 2, error: /^rump: Cannot use --match with keys \(leave it out, or the keys\)$/ });
  assertFailed(await runInspect(server.url, 'key', '--ndjson'), {
    code: 2,
    error: /^rump: Cannot use --ndjson with keys/,
  });
});

test('The recipe of README.md looks into keys of a server and of a file, and into all of them', async (t) => {
  const [server, client] = await startOne(t);
  await client.pipeline([
    ['SET', 'user:17', 'v7', 'EX', 1000],
    ['SET', 'user:id:18', 'v8'],
    ['RPUSH', Buffer.from('bin\x00\xff', 'latin1'), 'one', 'two'],
  ]);
  const cwd = folderOf(t);
  assertDone(await runRump(['--from', server.url, '--to', join(cwd, 'backup.resp.gz')]));
  const follow = async (block: number): Promise<string> => {
    const commands = blocksOf('Look into keys', 'sh')[block]!.replaceAll('redis://old:6379', server.url);
    const script = `set -e\nrump() { "${process.execPath}" "${MAIN}" "$@"; }\n${commands}`;
    return (await promisify(execFile)('sh', ['-c', script], { cwd })).stdout;
  };
  const shown = await follow(0);
  assert.match(shown, /^"user:17" in db 0: string, raw, .*, expires in 16 m .*\n +"v7"$/m);
  assert.match(shown, /^"bin\\x00\\xff" in db 0: list, .*\n +1\) "one"\n +2\) "two"$/m);
  assert.match(shown, /^\{"db":0,"key":"user:17","type":"string",.*"value":"v7",/m);
  assert.match(await follow(1), /^3 keys, [^]*^ +1 +\d+ B +\d+ % {2}user:id:$/m);
  const lines = linesOf(readFileSync(join(cwd, 'users.ndjson'), 'utf8')).map((line) => String(readLine(line).key));
  assert.deepEqual(lines.toSorted(), ['user:17', 'user:id:18']);
});
