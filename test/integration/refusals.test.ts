// What rump will not begin, and says why in one line: nothing is written to the target, and no stack is shown.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestClient } from '../support/client.ts';
import { lend } from '../support/lent-servers.ts';
import { assertDone, assertRefused } from '../support/outcome.ts';
import type { TestServer } from '../support/redis-server.ts';
import { untilInStep } from '../support/replica.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

test('rump refuses a copy of a database into itself, by whatever name of the host', async (t) => {
  const { source, from } = await startPair(t);
  await from.send('SET', 'key', 'value');
  for (const host of ['127.0.0.1', 'localhost']) {
    const to = `redis://${host}:${source.port}/0`;
    const result = await runRump(['--from', source.url, '--to', to]);
    assertRefused(result, { error: /the same database/ });
    assert.match(result.stderr, new RegExp(`${host}:${source.port}`));
  }
});

test('rump refuses to write to a replica, and reads from one', async (t) => {
  const { source, from, to, target } = await startPair(t);
  await to.send('SET', 'key', 'value');
  await from.send('REPLICAOF', '127.0.0.1', target.port);
  await untilInStep(from);
  const other = await lend(t);
  assertRefused(await runRump(['--from', other.url, '--to', source.url]), {
    error: new RegExp(`127.0.0.1:${source.port}.* is a replica .*primary`),
  });
  assertDone(await runRump(['--from', source.url, '--to', other.url]));
  assert.equal(String(await (await other.client()).send('GET', 'key')), 'value');
});

test('rump refuses to copy from a replica of the target into the database that it reads', async (t) => {
  const { source, from, to, target } = await startPair(t);
  await to.send('SET', 'key', 'value');
  await from.send('REPLICAOF', '127.0.0.1', target.port);
  await untilInStep(from);
  const ends = ['--from', source.url, '--to', target.url];
  for (const args of [[], ['--live', '--until-idle', '1s']])
    assertRefused(await runRump([...ends, ...args]), { error: /127\.0\.0\.1:\d+ is a replica of 127\.0\.0\.1:\d+/ });
  const other = ['--from', source.url, '--to', `${target.url}/5`];
  assertDone(await runRump(other));
  assertRefused(await runRump([...other, '--live', '--feed', 'tracking', '--until-idle', '1s']), {
    error: /Cannot follow .* into another database of its own/,
  });
});

for (const side of ['source', 'target'] as const) {
  test(`rump refuses a ${side} that it cannot log in to`, async (t) => {
    const pair = await startPair(t);
    await pair.from.send('SET', 'key', 'value');
    const locked = pair[side];
    const where = `127\\.0\\.0\\.1:${locked.port}`;
    const run = (login: string): ReturnType<typeof runRump> => runRump(endpoints(pair, side, login));
    assertRefused(await run(':right@'), { error: new RegExp(`log in to ${where}: .*password`) });
    await (await locked.client()).send('CONFIG', 'SET', 'requirepass', 'right');
    assertRefused(await run(''), { error: new RegExp(`${where}: it asks for a password`) });
    assertRefused(await run(':wrong@'), { error: new RegExp(`log in to ${where}: WRONGPASS`) });
    assertRefused(await run('nobody:wrong@'), { error: new RegExp(`log in to ${where}: WRONGPASS`) });
    const to = side === 'source' ? pair.to : await login(locked, 'right');
    assert.equal(await to.send('DBSIZE'), 0);
    assertDone(await run(':right@'));
    assert.equal(await to.send('DBSIZE'), 1);
  });
}

test('rump names every right that the user of the source lacks', async (t) => {
  const pair = await startPair(t);
  for (const rights of [
    ['scan'],
    ['dump'],
    ['pttl', 'pexpiretime'],
    ['info'],
    ['dbsize'],
    ['time'],
    ['scan', 'dump'],
  ]) {
    await assertNamed(pair, 'source', rights);
  }
});

test('rump names every right that the user of the target lacks', async (t) => {
  const pair = await startPair(t);
  for (const rights of [['restore'], ['info'], ['restore', 'dbsize']]) await assertNamed(pair, 'target', rights);
});

test('rump copies as a user who has no right but those that it names', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await from.send('SET', 'app:key', 'value');
  const common = ['+info', '+time', '+dbsize', '+select'];
  await from.send('ACL', 'SETUSER', 'reader', 'on', '>pw', '~app:*', ...common, '+scan', '+dump', '+pttl');
  await to.send('ACL', 'SETUSER', 'writer', 'on', '>pw', '~app:*', ...common, '+restore');
  const [reader, writer] = [source.url.replace('//', '//reader:pw@'), target.url.replace('//', '//writer:pw@')];
  assertDone(await runRump(['--from', reader, '--to', writer]));
  assert.equal(String(await to.send('GET', 'app:key')), 'value');
});

for (const side of ['source', 'target'] as const) {
  test(`rump refuses a database that the ${side} does not have`, async (t) => {
    const pair = await startPair(t);
    await pair.from.send('SET', 'key', 'value');
    const { url, port } = pair[side];
    const args = endpoints(pair, side, '').map((word) => (word === url ? `${url}/99` : word));
    assertRefused(await runRump(args), { error: new RegExp(`database 99 of 127\\.0\\.0\\.1:${port}: `) });
    assert.equal(await pair.to.send('DBSIZE'), 0);
  });
}

test('rump refuses a target that is out of memory before it reads anything, and names the way out', async (t) => {
  const { from, to, endpoints } = await startPair(t, { target: { args: ['--maxmemory', '100kb'] } });
  await from.send('SET', 'key', 'value');
  await from.send('CONFIG', 'RESETSTAT');
  const result = await runRump(endpoints);
  assertRefused(result, { error: /Cannot write to 127\.0\.0\.1:\d+: OOM .*\(raise its maxmemory, / });
  assert.equal(await to.send('DBSIZE'), 0);
});

test('rump refuses a target that takes no writes for want of replicas', async (t) => {
  const { from, to, target, endpoints } = await startPair(t, { target: { args: ['--min-replicas-to-write', '1'] } });
  await from.send('SET', 'key', 'value');
  assertRefused(await runRump([...endpoints, '--retries', '0']), {
    code: 75,
    error: new RegExp(`write to 127\\.0\\.0\\.1:${target.port}: NOREPLICAS `),
  });
  assert.equal(await to.send('DBSIZE'), 0);
});

interface Servers {
  readonly source: TestServer;
  readonly target: TestServer;
}

/** `login` goes before the host of that side. */
function endpoints(servers: Servers, side: 'source' | 'target', login: string): string[] {
  const url = (role: 'source' | 'target'): string =>
    role === side ? servers[role].url.replace('//', `//${login}`) : servers[role].url;
  return ['--from', url('source'), '--to', url('target')];
}

async function assertNamed(
  servers: Servers & { readonly to: TestClient },
  side: 'source' | 'target',
  rights: readonly string[],
): Promise<void> {
  const client = await servers[side].client();
  const known: string[] = [];
  for (const right of rights) {
    const [about] = (await client.send('COMMAND', 'INFO', right)) as [unknown];
    if (about !== null) known.push(right);
  }
  await client.send('ACL', 'SETUSER', 'app', 'reset', 'on', '>pw', '~*', '+@all', ...known.map((right) => `-${right}`));
  const result = await runRump(endpoints(servers, side, 'app:pw@'));
  assertRefused(result, { error: new RegExp(`127\\.0\\.0\\.1:${servers[side].port} as the ${side}`) });
  for (const right of known) assert.match(result.stderr, new RegExp(`\\b${right.toUpperCase()}\\b.*\\+${right}\\b`));
  assert.equal(await servers.to.send('DBSIZE'), 0);
}

async function login(server: TestServer, password: string): Promise<TestClient> {
  const client = await server.client();
  await client.send('AUTH', password);
  return client;
}
