// The main job: what the source has, the target has afterwards, and the source was only read.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { TestClient } from '../support/client.ts';
import { assertSameData, fillAllTypes } from '../support/keyspace.ts';
import { assertDone, CLOSING_WORDS } from '../support/outcome.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { count } from '../support/tier.ts';

const LARGEST = count(20_000_000, 64_000_000);

test('rump -from -to copies every type, encoding and awkward key with its exact expiry', async (t) => {
  const { source, target, from, to } = await startPair(t);
  const keys = await fillAllTypes(from);
  const result = await runRump(['-from', `${source.url}/0`, '-to', `${target.url}/0`]);
  assert.equal(result.stdout, '.Sync done.\n');
  assertDone(result);
  assert.match(result.stderr, new RegExp(`^rump: ${keys} keys, `));
  await assertSameData(from, to);
});

test('rump prints a dot for every thousand keys', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await from.pipeline(Array.from({ length: 3001 }, (_, i) => ['SET', `key:${i}`, i]));
  const result = await runRump(endpoints);
  assert.equal(result.stdout, '....Sync done.\n');
  assert.match(result.stderr, /^rump: 3,001 keys, /);
  await assertSameData(from, to);
});

test('rump copies an empty source and says so', async (t) => {
  const { to, endpoints } = await startPair(t);
  const result = await runRump(endpoints);
  assertDone(result);
  assert.equal(result.stdout, CLOSING_WORDS);
  assert.match(result.stderr, /^rump: warning: the source has no keys /);
  assert.match(result.stderr, /^rump: 0 keys, 0 B in /m);
  assert.equal(await to.send('DBSIZE'), 0);
});

test(`rump copies values from 0 bytes to ${LARGEST / 1e6} MB`, async (t) => {
  const { from, to, endpoints } = await startPair(t);
  const sizes = [0, 1, 2 ** 16 - 1, 2 ** 16, 2 ** 16 + 1, 2 ** 20, 2 ** 20 + 1, LARGEST];
  // Payloads are a few bytes longer than their values: one of these has each length around 16 KiB.
  for (let size = 2 ** 14 - 32; size <= 2 ** 14 + 1; size += 1) sizes.push(size);
  const noise = randomBytes(LARGEST);
  await from.pipeline(sizes.map((size) => ['SET', `size:${size}`, noise.subarray(0, size)]));
  assertDone(await runRump(endpoints));
  await assertSameData(from, to);
});

test('rump copies one database and leaves the others as they are', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await setIn(from, { 0: 'source 0', 3: 'source 3', 5: 'source 5' });
  await setIn(to, { 0: 'target 0', 3: 'target 3' });
  assertDone(await runRump(['--from', `${source.url}/3`, '--to', `${target.url}/5`]));
  assert.deepEqual(await valuesOf(from), { 0: 'source 0', 3: 'source 3', 5: 'source 5' });
  assert.deepEqual(await valuesOf(to), { 0: 'target 0', 3: 'target 3', 5: 'source 3' });
});

test('rump copies between two databases of one server', async (t) => {
  const { source, from } = await startPair(t);
  await fillAllTypes(from);
  assertDone(await runRump(['--from', source.url, '--to', `${source.url}/15`]));
  await assertSameData(from, await source.client(15));
});

test('rump --db takes the source database in place of the one in the URL', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await setIn(from, { 0: 'source 0', 2: 'source 2', 7: 'source 7' });
  assertDone(await runRump(['--from', `${source.url}/2`, '--to', `${target.url}/4`, '--db', '7']));
  assert.deepEqual(await valuesOf(to), { 4: 'source 7' });
});

test('rump --no-ttl drops every expiry', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fillAllTypes(from);
  assertDone(await runRump([...endpoints, '--no-ttl']));
  await assertSameData(from, to, { ttl: 'none' });
});

test('rump --count decides how many pages the source is read in', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fillAllTypes(from);
  for (const [count, fewest, most] of [
    // The buckets of Valkey hold several keys, and a page ends with a bucket.
    ['1', 10, Infinity],
    ['10000', 1, 3],
  ] as const) {
    await to.send('FLUSHALL');
    await from.send('CONFIG', 'RESETSTAT');
    assertDone(await runRump([...endpoints, '--count', count]));
    const scans = (await commandsOf(from)).get('scan') ?? 0;
    assert.ok(scans >= fewest && scans <= most, `--count ${count} took ${scans} SCANs`);
    await assertSameData(from, to);
  }
});

test('rump sends the source no command that writes', async (t) => {
  const { from, endpoints } = await startPair(t);
  await fillAllTypes(from);
  await from.send('CONFIG', 'RESETSTAT');
  const changes = await field(from, 'rdb_changes_since_last_save');
  assertDone(await runRump(endpoints));
  const names = [...(await commandsOf(from)).keys()].map((name) => name.split('|')[0]!);
  assert.ok(names.includes('scan') && names.includes('dump'), names.join());
  for (const name of names) {
    const [about] = (await from.send('COMMAND', 'INFO', name)) as [[Buffer, number, Buffer[]]];
    assert.ok(!about[2].map(String).includes('write'), `The source was sent ${name}`);
  }
  assert.equal(await field(from, 'rdb_changes_since_last_save'), changes);
});

async function setIn(client: TestClient, values: Readonly<Record<string, string>>): Promise<void> {
  await client.pipeline(
    Object.entries(values).flatMap(([db, value]) => [
      ['SELECT', db],
      ['SET', 'key', value],
    ]),
  );
}

/** The value of the one key in each database that has any. */
async function valuesOf(client: TestClient): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for (let db = 0; db < 16; db += 1) {
    await client.send('SELECT', db);
    if (((await client.send('DBSIZE')) as number) > 0) values[db] = String(await client.send('GET', 'key'));
  }
  return values;
}

/** How often each command was called since CONFIG RESETSTAT. */
async function commandsOf(client: TestClient): Promise<Map<string, number>> {
  const text = String(await client.send('INFO', 'commandstats'));
  const calls = text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
  return new Map(Array.from(calls, ([, name, count]) => [name!.toLowerCase(), Number(count)]));
}

async function field(client: TestClient, name: string): Promise<string | undefined> {
  return new RegExp(`^${name}:(.*)$`, 'm').exec(String(await client.send('INFO')))?.[1];
}
