// Every version into every version, by value and in every encoding that the source makes; what the target cannot hold fails
// by name, and nothing is left of it.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { TestClient } from '../support/client.ts';
import { assertDone, linesOf } from '../support/outcome.ts';
import { fillByRecipes } from '../support/recipe-keyspace.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { fieldExpiriesOf, knows } from '../support/server-facts.ts';
import { DEFAULT, present, serversWith, VERSIONS } from '../support/server-versions.ts';
import { assertSameData } from '../support/snapshot.ts';
import { longOnly } from '../support/tier.ts';

interface Party {
  readonly name: string;
  readonly server: TestServer;
  /** On database 0, which has a key for every recipe. */
  readonly source: TestClient;
  /** On the database that is written. */
  readonly target: TestClient;
  readonly keys: readonly string[];
  readonly knowsFieldExpiry: boolean;
}

const WRITTEN_DB = 9;
const KEY_EXPIRY = 4_102_444_800_123;

const found = present(VERSIONS);
/** Where other versions cannot be had, there is only the default one. */
const tried = found.length > 0 ? found : [DEFAULT];
const parties: Party[] = [];

before(async () => {
  for (const { name, binary } of tried) {
    const server = await startServer({ binary });
    const [source, target] = [await server.client(), await server.client()];
    await target.send('SELECT', WRITTEN_DB);
    const keys = await fillByRecipes(source);
    for (const key of keys.filter((_, i) => i % 2 === 0)) await source.send('PEXPIREAT', key, KEY_EXPIRY);
    parties.push({ name, server, source, target, keys, knowsFieldExpiry: await knows(source, 'HPEXPIRETIME') });
  }
});
after(() => Promise.all(parties.map(({ server }) => server.stop())));

test('rump copies from each version into the next one, and from the newest into the oldest', async () => {
  for (const [i, from] of parties.entries()) await assertCopied(from, parties[(i + 1) % parties.length]!);
});

longOnly(() => {
  for (const { name } of tried) {
    test(`rump copies from ${name} into every version`, async () => {
      const from = parties.find((party) => party.name === name)!;
      for (const to of parties) await assertCopied(from, to);
    });
  }
});

async function assertCopied(from: Party, to: Party): Promise<void> {
  const what = `${from.name} into ${to.name}`;
  await to.target.send('FLUSHDB');
  const unholdable = to.knowsFieldExpiry ? [] : await expiringHashesOf(from);
  const endpoints = ['--from', `${from.server.url}/0`, '--to', `${to.server.url}/${WRITTEN_DB}`];
  const result = await runRump(endpoints);
  const failed = linesOf(result.stderr).flatMap(
    (line) => /^rump: key "(.*)" in db 0: Cannot write/.exec(line)?.[1] ?? [],
  );
  assert.deepEqual(failed.toSorted(), unholdable.toSorted(), `${what}: ${result.stderr}`);
  assert.equal(result.code, unholdable.length === 0 ? 0 : 1, `${what}: ${result.stderr}`);
  assert.equal(/Sync done\./.test(result.stdout), unholdable.length === 0, what);
  assert.equal(await to.target.send('DBSIZE'), from.keys.length - unholdable.length, what);

  // Even payloads of an older version may be refused: servers have changed their minds about the sizes in listpacks.
  if ((await versionOf(from)) > (await versionOf(to))) assert.match(result.stderr, / converted,/, what);
  if (from === to) assert.doesNotMatch(result.stderr, / converted,/, what);

  const check = await runRump(['check', ...endpoints, '--recheck', '0']);
  assert.deepEqual(linesOf(check.stdout).toSorted(), checkedOf(unholdable), `${what}: ${check.stderr}`);
  assert.equal(check.code, unholdable.length === 0 ? 0 : 3, `${what}: ${check.stderr}`);

  const held = from.keys.filter((key) => !unholdable.includes(key));
  await withoutKeys(from.source, unholdable, () => assertSameData(from.source, to.target));
  if (to.knowsFieldExpiry && from.knowsFieldExpiry) {
    assert.deepEqual(await expiringFieldsOf(to.target, held), await expiringFieldsOf(from.source, held), what);
  }
}

/** What a check says of them. */
function checkedOf(missing: readonly string[]): string[] {
  return missing.length === 0 ? ['Both sides are equal.'] : missing.map((key) => `+ ${key}`).toSorted();
}

async function expiringHashesOf({ source, keys }: Party): Promise<string[]> {
  return [...(await expiringFieldsOf(source, keys)).keys()];
}

/** By key, then by field, for the hashes that have such. */
async function expiringFieldsOf(client: TestClient, keys: readonly string[]): Promise<Map<string, object>> {
  const found = new Map<string, object>();
  for (const key of keys.filter((name) => name.startsWith('hash:'))) {
    const expiries = await fieldExpiriesOf(client, key);
    if (Object.keys(expiries).length > 0) found.set(key, expiries);
  }
  return found;
}

async function versionOf({ source, keys }: Party): Promise<number> {
  const payload = (await source.send('DUMP', keys[0]!)) as Buffer;
  return payload.readUInt16LE(payload.length - 10);
}

/** They are elsewhere meanwhile. */
async function withoutKeys(client: TestClient, keys: readonly string[], work: () => Promise<void>): Promise<void> {
  for (const key of keys) await client.send('MOVE', key, 1);
  await work();
  await client.send('SELECT', 1);
  for (const key of keys) await client.send('MOVE', key, 0);
  await client.send('SELECT', 0);
}

for (const { name, binary } of serversWith('redis-8.0')) {
  test(`rump converts what comes from a cluster of ${name} for every node of an older cluster`, async (t) => {
    const [from, to] = await Promise.all([startCluster(t, { binary }), startCluster(t)]);
    await from.pipeline(Array.from({ length: 3000 }, (_, i) => ['RPUSH', `key:${i}`, i, `value ${i}`]));
    const result = await runRump(['--from', from.url, '--to', to.url]);
    assertDone(result);
    assert.match(result.stderr, /^rump: 3,000 keys, .*, 3,000 converted, /m);
    const found = new Map<string, string[]>();
    for (const client of to.clients) {
      for (const key of (await client.send('KEYS', '*')) as Buffer[]) {
        found.set(String(key), ((await client.send('LRANGE', key, 0, -1)) as Buffer[]).map(String));
      }
    }
    const expected = Array.from({ length: 3000 }, (_, i) => [`key:${i}`, [String(i), `value ${i}`]] as const);
    assert.deepEqual(found, new Map(expected));
  });

  test(`rump converts a stream of commands that ${name} gave, for an older server`, async (t) => {
    const { from, to, source, target } = await startPair(t, { source: { binary } });
    await fillByRecipes(from);
    const expiring = ['hash:expiring-packed', 'hash:expiring-unpacked'];
    await from.send('DEL', ...expiring);
    const file = join(target.dir, 'copy.resp');
    assertDone(await runRump(['--from', source.url, '--to', file]));
    const result = await runRump(['--from', file, '--to', target.url]);
    assertDone(result);
    assert.match(result.stderr, / converted, /);
    await assertSameData(from, to);
  });

  test(`rump converts for a user who may do nothing but RESTORE, from ${name}`, async (t) => {
    const { from, to, source, target } = await startPair(t, { source: { binary } });
    await from.pipeline([
      ['RPUSH', 'list', 'a', 'b'],
      ['HSET', 'hash', 'field', 'value'],
      ['XADD', 'stream', '1-1', 'field', 'value'],
    ]);
    const rights = ['+info', '+time', '+dbsize', '+select', '+restore'];
    await to.send('ACL', 'SETUSER', 'writer', 'reset', 'on', '>pw', '~*', ...rights);
    const result = await runRump(['--from', source.url, '--to', target.url.replace('//', '//writer:pw@')]);
    assertDone(result);
    assert.match(result.stderr, /, 3 converted, /);
    await assertSameData(from, to, { byCommands: true });
  });
}
