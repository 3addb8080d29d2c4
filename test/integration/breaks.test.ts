// Keys that break each connection on which they go: too much for a server, or for what stands before it. They arrive in
// pieces, or fail by their names, and all others are there; it takes a few breaks, whatever else goes on.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { TestClient } from '../support/client.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { runInspect, runRump, type RumpResult } from '../support/rump.ts';
import { assertSameData } from '../support/snapshot.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { variants } from '../support/tier.ts';

const MIB = 1024 * 1024;
const LARGE = 3 * MIB;
const SMALL_KEYS = 1000;
const MANY_LARGE = 100;

let source: TestServer;
let target: TestServer;
let from: TestClient;
let to: TestClient;

before(async () => {
  const args = ['--rdbcompression', 'no'];
  [source, target] = await Promise.all([startServer({ args }), startServer({ args })]);
  [from, to] = await Promise.all([source.client(), target.client()]);
  // Who may not see the settings has to find out.
  for (const client of [from, to]) await client.send('ACL', 'SETUSER', 'blind', 'on', '>pw', '~*', '+@all', '-config');
});

after(() => Promise.all([source.stop(), target.stop()]));

beforeEach(async () => {
  for (const client of [from, to]) await client.send('FLUSHALL');
  await unlimited();
  await to.send('CONFIG', 'SET', 'client-query-buffer-limit', '1gb');
});

async function unlimited(): Promise<void> {
  for (const client of [from, to]) await client.send('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 0 0 0');
}

async function fill(large: number, bytesOf: (i: number) => number = () => LARGE): Promise<void> {
  await from.pipeline(Array.from({ length: SMALL_KEYS }, (_, i) => ['SET', `small:${i}`, i]));
  for (let i = 0; i < large; i++) await from.send('SET', `large:${i}`, Buffer.alloc(bytesOf(i), `value ${i} `));
}

function blind(url: string): string {
  return url.replace('//', '//blind:pw@');
}

function reconnects({ stderr }: RumpResult): number {
  return Number(/(\d+) reconnects?$/m.exec(stderr)?.[1] ?? 0);
}

async function assertCopied(): Promise<void> {
  await unlimited();
  await assertSameData(from, to);
}

for (const flags of variants<readonly string[]>([], ['--big-key', '100k'])) {
  test(`A value arrives that is above the query buffer of the target: ${flags.join(' ') || 'no flags'}`, async () => {
    await fill(1);
    await to.send('CONFIG', 'SET', 'client-query-buffer-limit', '1mb');
    const result = await runRump(['--from', source.url, '--to', target.url, ...flags]);
    assertDone(result);
    assert.equal(reconnects(result), 0, 'The setting can be read');
    await assertCopied();
  });
}

test('Values arrive that are above the query buffer of a target that does not tell it', async () => {
  await fill(12);
  await to.send('CONFIG', 'SET', 'client-query-buffer-limit', '1mb');
  const result = await runRump(['--from', source.url, '--to', blind(target.url), '--retries', '3']);
  assertDone(result);
  assert.ok(reconnects(result) <= 8, result.stderr);
  await assertCopied();
});

for (const [name, reach, most] of [
  ['tells it', (url: string) => url, 0],
  ['does not tell it', blind, 10],
] as const) {
  test(`Values arrive that are above the output buffer of a source that ${name}`, async () => {
    await fill(12);
    await from.send('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 1mb 0 0');
    const result = await runRump(['--from', reach(source.url), '--to', target.url, '--retries', '3']);
    assertDone(result);
    assert.ok(reconnects(result) <= most, result.stderr);
    const inspected = await runInspect(reach(source.url), '--json', '--retries', '3', '--big-key', '1G');
    const { largest } = JSON.parse(inspected.stdout) as { largest: readonly { bytes: number }[] };
    assert.ok(
      largest.slice(0, 12).every(({ bytes }) => bytes >= LARGE),
      inspected.stdout,
    );
    await assertCopied();
  });
}

test('Values that are together too much for the output buffer of a source are asked for a few at a time', async () => {
  await fill(MANY_LARGE, (i) => 100_000 + ((i * 7919) % 900_000));
  await from.send('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 4mb 0 0');
  const result = await runRump(['--from', blind(source.url), '--to', target.url]);
  assertDone(result);
  assert.ok(reconnects(result) <= 5, result.stderr);
  assert.equal(await to.send('DBSIZE'), SMALL_KEYS + MANY_LARGE);
});

test('A check compares values that are above the output buffers of both sides', async () => {
  await fill(6);
  assertDone(await runRump(['--from', source.url, '--to', target.url]));
  await to.send('SETRANGE', 'large:4', LARGE - 1, '!');
  for (const client of [from, to]) await client.send('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 1mb 0 0');
  const result = await runRump(['check', '--from', blind(source.url), '--to', blind(target.url), '--recheck', '0']);
  assert.equal(result.code, 3, result.stderr);
  assert.match(result.stdout, /large:4/);
  assert.equal(result.stdout.trim().split('\n').length, 1, result.stdout);
});

for (const side of ['source', 'target'] as const) {
  for (const bytes of [10, 300_000]) {
    test(`A key fails by name at which a device before the ${side} cuts the line (${bytes} bytes)`, async (t) => {
      const keys = 6000;
      await from.pipeline(Array.from({ length: keys }, (_, i) => ['SET', `key:${i}:`, i]));
      await from.send('SET', 'key:3456:', Buffer.alloc(bytes, 'x'));
      const proxy = await startProxy({ port: { source, target }[side].port });
      t.after(() => proxy.close());
      proxy.forbid('key:3456:', 'up');
      const urls = { source: source.url, target: target.url, [side]: proxy.url };
      const result = await runRump(['--from', urls.source, '--to', urls.target, '--retries', '1']);
      assertFailed(result, {
        error: /key "key:3456:" in db 0: The connection was lost each time that .* \(ECONNRESET\)/,
      });
      assert.equal(await to.send('DBSIZE'), keys - 1);
      assert.ok(proxy.met >= 3 && proxy.met <= 9, `${proxy.met} breaks`);
    });
  }
}

for (const flags of variants<readonly string[]>([], ['--dry-run'])) {
  test(`A run ends where the key that breaks connections is the last one: ${flags.join(' ') || 'a copy'}`, async (t) => {
    await from.pipeline(Array.from({ length: 3 }, (_, i) => ['SET', `key:${i}:`, i]));
    const proxy = await startProxy({ port: source.port });
    t.after(() => proxy.close());
    proxy.forbid('key:1:', 'up');
    const result = await runRump(['--from', proxy.url, '--to', target.url, ...flags]);
    assert.equal(result.code, 1, result.stderr);
    assert.match(result.stderr, /key "key:1:" in db 0: The connection was lost each time that it was asked for/);
    assert.equal(await to.send('DBSIZE'), flags.length === 0 ? 2 : 0);
  });
}
