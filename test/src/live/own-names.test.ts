// The names that a target held when the run began: which they are, what they cost, and when too many are none.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { RespError } from '../../../resp/errors.ts';
import { tagOf } from '../../../src/cluster/slot.ts';
import { takeDownNames, type OwnNames } from '../../../src/live/own-names.ts';
import { isInternalName, temporaryNameFor } from '../../../src/target/internal-names.ts';
import type { TestClient } from '../../support/client.ts';
import { callsOf } from '../../support/command-stats.ts';
import { LINK, openDeployment, untilAlone } from '../../support/deployments.ts';
import { borrow, giveBack, lend } from '../../support/lent-servers.ts';
import { mappingOf } from '../../support/mappings.ts';
import { startCluster } from '../../support/redis-cluster.ts';
import type { TestServer } from '../../support/redis-server.ts';

let server: TestServer;
let client: TestClient;

before(async () => {
  server = await borrow();
  client = await server.client();
});
after(() => giveBack(server));
beforeEach(() => client.send('FLUSHALL'));

function namesOf(own: OwnNames, db: number, names: readonly (string | Buffer)[]): string[] {
  return names.filter((name) => own.has(db, Buffer.from(name))).map(String);
}

test('takeDownNames() takes down every name in scope, whatever is behind it, and none of what rump itself has left there', async (t) => {
  const internal = [
    temporaryNameFor(Buffer.from('a:1')),
    ...['', ':2'].map((part) => Buffer.from(`rump:checkpoint:{5798}${part}`)),
  ];
  const similar = ['rump:tmp:{1}:short', 'rump:tmp:{x}:0123456789abcdef', 'rump:other'];
  await client.send('MSET', ...['a:1', 'a:2', 'b', ...similar, ...internal].flatMap((name) => [name, 'value']));
  await client.send('RPUSH', 'list', 'value');
  await client.send('SET', '', 'no name');
  const target = await openDeployment(t, 'target', server.port);
  const all = ['a:1', 'a:2', 'b', 'list', '', ...similar];
  const own = await takeDownNames(target, { mapping: mappingOf({ 0: 0 }, { type: 'list' }), ...LINK });
  assert.deepEqual(namesOf(own, 0, [...all, ...internal, 'c']), all);
  assert.equal(own.size, all.length);
  assert.ok(own.isComplete && !own.isEmpty);
  assert.ok(internal.every(isInternalName));

  const some = await takeDownNames(target, { mapping: mappingOf({ 0: 0 }, { match: ['a:*', 'b'] }), ...LINK });
  assert.deepEqual(namesOf(some, 0, all), ['a:1', 'a:2', 'b']);
});

test('OwnNames.forget() takes out one name of one database', async (t) => {
  await client.send('MSET', 'a', 1, 'b', 1);
  const target = await openDeployment(t, 'target', server.port);
  const own = await takeDownNames(target, { mapping: mappingOf({ 0: 0 }), ...LINK });
  own.forget(1, Buffer.from('a'));
  own.forget(0, Buffer.from('c'));
  assert.deepEqual(namesOf(own, 0, ['a', 'b']), ['a', 'b']);
  own.forget(0, Buffer.from('a'));
  own.forget(0, Buffer.from('a'));
  assert.deepEqual(namesOf(own, 0, ['a', 'b']), ['b']);
  own.forget(0, Buffer.from('b'));
  assert.ok(own.isEmpty);
});

test('takeDownNames() goes by the names and databases of the target, where keys get others', async (t) => {
  const names = ['new:x', 'new:old:x', 'x', 'new:skip:x'];
  for (const db of [0, 2, 3]) {
    await client.send('SELECT', db);
    await client.send('MSET', ...names.flatMap((name) => [name, 'value']));
  }
  await client.send('SELECT', 0);
  const target = await openDeployment(t, 'target', server.port);
  const renames = { stripPrefix: 'old:', addPrefix: 'new:', exclude: ['skip:*', 'old:skip:*'] };
  const own = await takeDownNames(target, { mapping: mappingOf({ 0: 2, 1: 2, 5: 3 }, renames), ...LINK });
  // Whatever still begins with the prefix that is taken away, was `old:old:x`.
  for (const db of [2, 3]) assert.deepEqual(namesOf(own, db, names), ['new:x', 'new:old:x']);
  assert.deepEqual(namesOf(own, 0, names), []);
  assert.equal(own.size, 4);
});

test('takeDownNames() keeps none where there are too many, and reads no further than to find that out', async (t) => {
  const names = Array.from({ length: 50_000 }, (_, i) => `key:${i}`);
  await client.pipeline(names.map((name) => ['SET', name, 'v']));
  const target = await openDeployment(t, 'target', server.port);
  const exact = await takeDownNames(target, { mapping: mappingOf({ 0: 0 }), ...LINK }, names.length);
  assert.ok(exact.isComplete);
  assert.equal(namesOf(exact, 0, names).length, names.length);
  assert.equal(exact.size, names.length);
  await client.send('CONFIG', 'RESETSTAT');
  const own = await takeDownNames(target, { mapping: mappingOf({ 0: 0 }), ...LINK, count: 100 }, 1000);
  assert.ok(!own.isComplete && !own.isEmpty && own.size === 0);
  assert.deepEqual(namesOf(own, 0, names), []);
  await untilAlone(client);
  const scans = (await callsOf(client)).get('scan') ?? 0;
  assert.ok(scans < 250, `${scans} pages of 500`);
});

test('takeDownNames() asks an empty target for one page of each database', async (t) => {
  const target = await openDeployment(t, 'target', server.port);
  await client.send('CONFIG', 'RESETSTAT');
  const own = await takeDownNames(target, { mapping: mappingOf({ 0: 0, 1: 1, 2: 1 }), ...LINK });
  assert.ok(own.isComplete && own.isEmpty);
  const calls = await callsOf(client);
  assert.equal(calls.get('scan'), 2);
  const others = [...calls].filter(([name]) => name !== 'config|resetstat').reduce((sum, [, count]) => sum + count, 0);
  assert.ok(others < 30, [...calls].join(' '));
});

test('takeDownNames() rejects with the reason of a signal, and where the target is lost', async (t) => {
  const other = await lend(t);
  const end = new AbortController();
  const [stopped, lost] = [
    await openDeployment(t, 'target', other.port, { signal: end.signal }),
    await openDeployment(t, 'target', other.port),
  ];
  const options = { mapping: mappingOf({ 0: 0 }), ...LINK };
  await (await other.client()).send('CLIENT', 'PAUSE', 60_000, 'ALL');
  const taking = takeDownNames(stopped, options);
  const reason = new Error('Stop');
  end.abort(reason);
  await assert.rejects(taking, reason);
  await other.stop();
  await assert.rejects(takeDownNames(lost, options), RespError);
});

test('takeDownNames() takes down what all nodes of a cluster have, also of a slot that moves meanwhile', async (t) => {
  const cluster = await startCluster(t);
  const slot = 12_000;
  const names = [...Array.from({ length: 3000 }, (_, i) => `key:${i}`), `{${tagOf(slot)}}`];
  await cluster.pipeline(names.map((name) => ['SET', name, 'value']));
  const target = await openDeployment(t, 'target', cluster.nodes[0]!.port);
  const taking = takeDownNames(target, { mapping: mappingOf({ 0: 0 }), ...LINK, count: 10 });
  await cluster.moveSlot(slot, 2, 0);
  const own = await taking;
  assert.equal(namesOf(own, 0, names).length, names.length);
});
