// Databases that a server does not tell of: what INFO leaves out is looked for, and is never taken for empty.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertDifferent, AT_ONCE, runCheck } from '../support/check.ts';
import { TestClient } from '../support/client.ts';
import { callsOf } from '../support/command-stats.ts';
import { startMemoryServer } from '../support/memory-server/memory-server.ts';
import { assertDone } from '../support/outcome.ts';
import { payloadProxy } from '../support/payload-proxy.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

/** Of INFO as proxies and some servers give it. */
function withoutKeyspace(text: string): string {
  return text.replace(/# Keyspace\r\n(db\d+:.*\r\n)*/, '');
}

test('rump --db all copies every database of a server whose INFO names none, and asks a bounded number of times', async (t) => {
  const { source, target, from, to } = await startPair(t);
  // The same names in two of them are not the same database.
  for (const db of [0, 3, 15]) await (await source.client(db)).send('SET', 'key', `of ${db}`);
  const untold = await payloadProxy(t, source.port, { said: withoutKeyspace });
  await from.send('CONFIG', 'RESETSTAT');
  const result = await runRump(['--from', untold, '--to', target.url, '--db', 'all']);
  assertDone(result);
  assert.doesNotMatch(result.stderr, /warning/);
  assert.ok((await callsOf(from)).get('select')! < 60);
  for (const db of [0, 3, 15]) {
    await to.send('SELECT', db);
    assert.equal(String(await to.send('GET', 'key')), `of ${db}`);
  }
  const check = await runCheck(['--from', untold, '--to', target.url, '--db', 'all']);
  assert.match(check.stderr, /^rump: 3 equal, 0 differ/m);
  const left = await runRump(['--from', untold, '--to', target.url]);
  assert.match(left.stderr, /warning: the source has keys in databases 3, 15 as well \(2\), which are left out/);
});

test('rump check --db all looks into databases that only the target has keys in, whatever its INFO says', async (t) => {
  const { source, target } = await startPair(t);
  for (const db of [0, 1]) {
    for (const side of [source, target]) await (await side.client(db)).send('SET', 'key', 'same');
  }
  await (await target.client(9)).send('SET', 'key', 'of 9');
  for (const to of [target.url, await payloadProxy(t, target.port, { said: withoutKeyspace })]) {
    const found = await runCheck(['--from', source.url, '--to', to, '--db', 'all', ...AT_ONCE]);
    assertDifferent(found, ['- 9:key']);
  }
});

test('rump copies a server once where SELECT does nothing, and says so', async (t) => {
  const { target, to } = await startPair(t);
  const server = await startMemoryServer({ oneDatabase: true });
  t.after(() => server.stop());
  const client = await TestClient.connect({ port: server.port });
  await client.send('SET', 'key', 'value');
  await client.close();
  const result = await runRump(['--from', server.url, '--to', target.url, '--db', 'all']);
  assertDone(result);
  assert.match(result.stderr, /warning: SELECT may do nothing at the source: databases 1, 2, .* are taken for it/);
  assert.match(String(await to.send('INFO', 'keyspace')), /^# Keyspace\r\ndb0:keys=1,[^\n]*\n$/);
});
