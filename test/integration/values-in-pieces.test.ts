// Values that are read piece by piece while something happens to them: what arrives is what was there at one moment, with the
// expiry that it had then.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../support/client.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { runRump, type RumpResult } from '../support/rump.ts';
import { servers, serversWith } from '../support/server-versions.ts';

const FIELDS = 1000;
/** A server that can has all fields in one page of a scan. */
const ONE_PAGE = ['--hash-max-listpack-entries', '5000'];
const IN_PIECES = ['--big-key', '20k'];
/** In which a scan has begun, also on a machine that is busy. */
const SCANNED_MS = 1000;

for (const { name, binary } of serversWith('redis-8.0', 'valkey-9.1')) {
  let server: TestServer;
  let [from, to]: TestClient[] = [];

  before(async () => {
    server = await startServer({ binary, args: ['--enable-debug-command', 'yes', ...ONE_PAGE] });
    [from, to] = [await server.client(), await server.client(9)];
    // What has expired stays where it is, as it does on a replica.
    await from.send('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
  });
  beforeEach(() => server.client().then((client) => client.send('FLUSHALL')));
  after(() => server.stop());

  for (const rest of [0, 10]) {
    test(`Fields that expire behind the scan that shows them are left out, ${rest} others stay (${name})`, async (t) => {
      const names = Array.from({ length: FIELDS }, (_, i) => `field:${i}`);
      await from!.send('HSET', 'hash', ...names.flatMap((field) => [field, 'x'.repeat(50)]));
      await from!.send('SET', 'string', 'value');
      let due = 0;
      const shown: number[] = [];
      const proxy = await replyProxy(t, server.port, async ([command, , key], reply) => {
        if (command === 'MEMORY' && key === 'hash') {
          due = Date.now() + SCANNED_MS;
          await from!.send('HPEXPIREAT', 'hash', due, 'FIELDS', FIELDS - rest, ...names.slice(rest));
        }
        if (command !== 'HSCAN') return undefined;
        shown.push((reply as [Buffer, Buffer[]])[1].length / 2);
        await sleep(due + 1 - Date.now());
        return undefined;
      });
      const result = await runRump(['--from', proxy.url, '--to', `${server.url}/9`, ...IN_PIECES]);
      assertDone(result);
      assert.ok(shown[0]! > 0, 'No scan has shown what expires');
      assert.equal(await to!.send('HLEN', 'hash'), rest);
      assert.match(result.stderr, new RegExp(`${rest === 0 ? 1 : 0} expired on the way`));
      assert.equal(await to!.send('GET', 'string').then(String), 'value');
    });
  }
}

const BYTES = 100_000;
const VALUES = 20;
/** A budget for one of them at a time. */
const ONE_BY_ONE = [...IN_PIECES, '--buffer', '16M'];
const LATER = 4_102_444_800_000;
/** Whether a reading may be watched. Who may not is told by nothing but a second reading. */
const USERS = [
  ['watched', ''],
  ['unwatched', 'blind:pw@'],
] as const;

for (const { name, binary } of servers('redis-6.0')) {
  let source: TestServer;
  let target: TestServer;
  let [from, to]: TestClient[] = [];

  before(async () => {
    [source, target] = await Promise.all([startServer({ binary }), startServer({ binary })]);
    [from, to] = [await source.client(), await target.client()];
    await from.send('ACL', 'SETUSER', 'blind', 'on', '>pw', '~*', '+@all', '-watch');
  });
  beforeEach(() => Promise.all([from!.send('FLUSHALL'), to!.send('FLUSHALL')]));
  after(() => Promise.all([source.stop(), target.stop()]));

  /** Copies while something is done at the source once, before it answers that command for the second time. */
  const copyWhile = async (
    t: TestContext,
    user: string,
    at: string,
    commands: readonly (readonly (string | number)[])[],
  ): Promise<RumpResult> => {
    let calls = 0;
    const proxy = await replyProxy(t, source.port, async ([command]) => {
      if (command === at && ++calls === 2) for (const each of commands) await from!.send(...(each as [string]));
      return undefined;
    });
    const url = proxy.url.replace('//', `//${user}`);
    const result = await runRump(['--from', url, '--to', target.url, ...IN_PIECES]);
    assert.ok(calls >= 2);
    return result;
  };

  for (const [reading, user] of USERS) {
    for (const [what, before, change, expiry] of [
      ['that it was given meanwhile', [], ['PEXPIREAT', 'key', LATER], LATER],
      ['of the value that took its place', ['PX', 60_000], ['SET', 'key', 'y'.repeat(BYTES)], -1],
    ] as const) {
      test(`A value has the expiry ${what}, ${reading} (${name})`, async (t) => {
        await from!.send('SET', 'key', 'x'.repeat(BYTES), ...before);
        assertDone(await copyWhile(t, user, 'GETRANGE', [change]));
        assert.equal(String(await to!.send('GET', 'key')), String(await from!.send('GET', 'key')));
        const left = (await to!.send('PTTL', 'key')) as number;
        if (expiry === -1) assert.equal(left, expiry);
        else assert.ok(Math.abs(Date.now() + left - expiry) < 5000, `${left} ms`);
      });
    }

    test(`A value is read again whose key has another type by then, ${reading} (${name})`, async (t) => {
      await from!.send('SET', 'key', 'x'.repeat(BYTES));
      const changes = [
        ['DEL', 'key'],
        ['SADD', 'key', 'member'],
      ];
      assertDone(await copyWhile(t, user, 'GETRANGE', changes));
      assert.deepEqual(String(await to!.send('SMEMBERS', 'key')), 'member');
    });

    test(`A stream that is gone while it is read is no error, ${reading} (${name})`, async (t) => {
      await from!.pipeline(Array.from({ length: 1000 }, (_, i) => ['XADD', 'key', `1-${i + 1}`, 'f', 'x'.repeat(100)]));
      const result = await copyWhile(t, user, 'TYPE', [['DEL', 'key']]);
      assertDone(result);
      assert.match(result.stderr, /1 expired on the way/);
    });
  }

  test(`A value that is too long a reply in a page of many elements comes in pages of fewer (${name})`, async () => {
    const small = Array.from({ length: 3000 }, (_, i) => i);
    await from!.send('RPUSH', 'key', ...small);
    for (let i = 0; i < 10; i++)
      await from!.send('RPUSH', 'key', ...Array.from({ length: 10 }, () => 'x'.repeat(30_000)));
    assertDone(await runRump(['--from', source.url, '--to', target.url, ...IN_PIECES, '--max-reply', '1M']));
    assert.deepEqual(await to!.send('LRANGE', 'key', 0, -1), await from!.send('LRANGE', 'key', 0, -1));
  });

  test(`A value with an element that is too long a reply fails by its name, and others arrive (${name})`, async () => {
    await from!.pipeline(Array.from({ length: 100 }, (_, i) => ['SET', `key:${i}`, i]));
    await from!.send('HSET', 'long', 'a', 'x'.repeat(2_000_000), 'b', 'y');
    // What clients hold, the server counts now and then only, and takes it off what it says that its values take.
    while (Number(/^used_memory_dataset:(\d+)/m.exec(String(await from!.send('INFO', 'memory')))![1]) < 2_000_000)
      await sleep(5);
    const result = await runRump(['--from', source.url, '--to', target.url, '--big-key', '1M', '--max-reply', '1M']);
    assertFailed(result, { error: /^rump: key "long" in db 0: .*a reply of more than 1,048,576 bytes.*--max-reply/ });
    assert.equal(await to!.send('DBSIZE'), 100);
  });

  /** Copies values that all go in pieces; the line is lost at the first so many tries to watch one. Returns how many were. */
  const copyHungUp = async (t: TestContext, user: string, hangUps: number): Promise<number> => {
    await from!.pipeline(Array.from({ length: VALUES }, (_, i) => ['SET', `key:${i}`, 'x'.repeat(BYTES)]));
    const proxy = await replyProxy(t, source.port, ([command], _, socket) => {
      if (command === 'MULTI' && hangUps-- > 0) socket.destroy();
      return undefined;
    });
    const url = proxy.url.replace('//', `//${user}`);
    assertDone(await runRump(['--from', url, '--to', target.url, ...ONE_BY_ONE]));
    assert.equal(await to!.send('DBSIZE'), VALUES);
    return proxy.calls.get('WATCH') ?? 0;
  };

  test(`Values are read twice behind a proxy that hangs up on whoever would watch (${name})`, async (t) => {
    const watches = await copyHungUp(t, '', Infinity);
    assert.equal(watches, 2);
  });

  test(`Values are watched though the line was lost when the first of them was to be (${name})`, async (t) => {
    const watches = await copyHungUp(t, '', 1);
    // The first one was, when it was read for the second time.
    assert.equal(watches, VALUES + 1);
  });

  test(`A watch that is refused is asked for no more (${name})`, async (t) => {
    const watches = await copyHungUp(t, 'blind:pw@', 0);
    assert.equal(watches, 1);
  });
}
