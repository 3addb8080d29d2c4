// The library door: what a program sees of a copy that succeeds, is stopped, or cannot be.
import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { test, type TestContext } from 'node:test';
import {
  AddressError,
  check,
  ConnectionError,
  migrate,
  RespError,
  type KeyFailedEvent,
  type MigrateEvent,
  type MigrateOptions,
  type ObservedEvent,
  type PublishedError,
  type PublishedEvent,
} from '../../src/index.ts';
import { assertSameData, fillAllTypes } from '../support/keyspace.ts';
import { startPair } from '../support/server-pair.ts';
import { startProxy } from '../support/tcp-proxy.ts';

test('migrate() copies, tells of it in order, and resolves with the figures', async (t) => {
  const { source, target, from, to } = await startPair(t);
  const keys = await fillAllTypes(from);
  await from.pipeline(Array.from({ length: 2500 }, (_, i) => ['SET', `key:${i}`, i]));
  await to.send('SET', 'key:7', 'old');
  const events: MigrateEvent[] = [];
  const result = await migrate({ from: source.url, to: target.url, onEvent: (event) => events.push(event) });

  await assertSameData(from, to);
  const { keys: copied, skipped, expired, failed, bytes, elapsed } = result;
  assert.deepEqual({ copied, skipped, expired, failed }, { copied: keys + 2500, skipped: 0, expired: 0, failed: 0 });
  assert.ok(bytes > 100_000 && elapsed > 0);

  const start = events[0]!;
  assert.ok(start.type === 'start');
  const { source: left, target: right } = start;
  assert.deepEqual([left.endpoint, right.endpoint, left.keys], [source.url, target.url, keys + 2500]);
  assert.deepEqual([left.kind, left.nodes[0]!.address], ['server', `127.0.0.1:${source.port}`]);
  assert.match(left.nodes[0]!.server, /^(redis|valkey|redict) \d+\.\d+\.\d+$/);
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.code] : []));
  assert.deepEqual(warnings, ['TARGET_NOT_EMPTY']);
  const batches = events.flatMap((event) => (event.type === 'batch' ? [event.keys] : []));
  assert.equal(
    batches.reduce((sum, batch) => sum + batch, 0),
    keys + 2500,
  );
  assert.deepEqual(events.at(-1), { type: 'done', ...result });
});

test('migrate() tells of each key that fails, and resolves', async (t) => {
  const { source, target, from, to } = await startPair(t);
  const key = Buffer.from('a\0\r\n\xff', 'latin1');
  await from.pipeline([
    ['SELECT', 2],
    ['SET', key, 'source'],
    ['SET', 'other', 'source'],
  ]);
  await to.send('SET', key, 'target');
  const failures: KeyFailedEvent[] = [];
  const result = await migrate({
    from: `${source.url}/1`,
    to: target.url,
    db: [2],
    onConflict: 'fail',
    onEvent: (event) => {
      if (event.type === 'key-failed') failures.push(event);
    },
  });
  assert.deepEqual([result.keys, result.failed], [1, 1]);
  assert.equal(failures.length, 1);
  const { db, key: failed, code, reason } = failures[0]!;
  assert.deepEqual([db, failed, code], [2, key, 'BUSYKEY']);
  assert.match(reason, /^BUSYKEY /);
  assert.equal(String(await to.send('GET', key)), 'target');
});

test('migrate() rejects with the reason of its signal, before and during the copy', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await from.pipeline(Array.from({ length: 50_000 }, (_, i) => ['SET', `key:${i}`, 'value'.repeat(100)]));
  const reason = new Error('Enough');
  const endpoints = { from: source.url, to: target.url };
  await assert.rejects(migrate({ ...endpoints, signal: AbortSignal.abort(reason) }), reason);
  assert.equal(await to.send('DBSIZE'), 0);

  const controller = new AbortController();
  let told = 0;
  const copy = migrate({
    ...endpoints,
    signal: controller.signal,
    onEvent: (event) => {
      if (event.type === 'batch') controller.abort(reason);
      if (event.type === 'progress') told = event.keys;
      assert.notEqual(event.type, 'done');
    },
  });
  await assert.rejects(copy, reason);
  assert.equal(told, await to.send('DBSIZE'), 'The last progress event tells other keys than the target has');
  assert.ok(told > 0 && told < 50_000, `${told} keys`);
});

test('migrate() that is stopped while it cannot keep its progress rejects with the reason, and with nothing else', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await from.pipeline(Array.from({ length: 50_000 }, (_, i) => ['SET', `key:${i}`, i]));
  const reason = new Error('Enough');
  const controller = new AbortController();
  const warnings: string[] = [];
  const copy = migrate({
    from: source.url,
    to: target.url,
    resume: 'target',
    tpslimit: 5000,
    signal: controller.signal,
    onEvent: (event) => void (event.type === 'warning' && warnings.push(event.code)),
  });
  // What is lost before anything is written ends the run.
  await found(async () => Number(await to.send('DBSIZE')) > 100);
  // By itself, while the others of the run stay.
  const keeping = /^id=(\d+) .* cmd=set /m;
  const [, id] = await found(async () => keeping.exec(String(await to.send('CLIENT', 'LIST'))));
  await to.send('CONFIG', 'SET', 'maxclients', 1);
  await to.send('CLIENT', 'KILL', 'ID', id!);
  await found(async () => /^rejected_connections:[3-9]/m.exec(String(await to.send('INFO', 'stats'))));
  // So that the end takes its time.
  await to.send('CLIENT', 'PAUSE', 500, 'WRITE');
  const sizes: unknown[] = [];
  await found(async () => sizes.push(await to.send('DBSIZE')) > 1 && sizes.at(-1) === sizes.at(-2));
  controller.abort(reason);
  await assert.rejects(copy, reason);
  assert.deepEqual(warnings, ['RESUMABLE']);
});

test('migrate() rejects with an error that a program can tell by its code', async (t) => {
  const { source, target, from } = await startPair(t);
  await from.send('SET', 'key', 'value');
  const same = await rejection(source.url, source.url);
  assert.ok(same instanceof RespError && same.code === 'SAME_DATABASE', String(same));
  const address = await rejection('http://host', target.url);
  assert.ok(address instanceof AddressError && address.code === 'ADDRESS', String(address));
  const login = await rejection(source.url, target.url, { fromPassword: 'wrong' });
  assert.ok(login instanceof RespError && login.port === source.port, String(login));
  await target.kill();
  const gone = await rejection(source.url, target.url);
  assert.ok(gone instanceof ConnectionError && gone.code === 'ECONNREFUSED', String(gone));
  assert.deepEqual([gone.host, gone.port], ['127.0.0.1', target.port]);
});

test('migrate() leaves neither a connection nor a timer behind', async (t) => {
  const { source, target, from } = await startPair(t);
  await fillAllTypes(from);
  const [near, far] = [await startProxy({ port: source.port }), await startProxy({ port: target.port })];
  t.after(() => Promise.all([near.close(), far.close()]));
  await migrate({ from: near.url, to: far.url });
  await migrate({ from: near.url, to: `${far.url}/99` }).catch(() => {});
  for (const deadline = Date.now() + 20_000; near.connections + far.connections > 0 && Date.now() < deadline;) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.deepEqual([near.connections, far.connections], [0, 0]);
});

test('migrate() and check() publish each event on the channel of its name, with the run that it is of, and the error', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await fillAllTypes(from);
  await to.send('CONFIG', 'SET', 'requirepass', 'canary');
  const heard = hear(t, ['start', 'progress', 'done', 'checked', 'error']);
  const endpoints = { from: source.url, to: target.url.replace('//', '//:canary@') };
  const events: MigrateEvent[] = [];
  await migrate({ ...endpoints, onEvent: (event) => void events.push(event) });
  const own = events.filter(({ type }) => ['start', 'progress', 'done'].includes(type));
  assert.deepEqual(
    heard.map((message) => ('event' in message ? message.event : message)),
    own,
  );
  const [{ run }] = heard as [PublishedEvent];
  assert.deepEqual(run, { command: 'copy', from: source.url, to: target.url.replace('//', '//***@') });
  assert.ok(heard.every((message) => message.run === run));

  heard.length = 0;
  await check(endpoints);
  assert.ok(heard.every((message) => message.run === heard[0]?.run && message.run !== run));
  const last = heard.at(-1)!;
  assert.deepEqual([last.run.command, 'event' in last && last.event.type], ['check', 'checked']);

  heard.length = 0;
  const error = await rejection(source.url, source.url);
  assert.deepEqual(heard, [{ run: { command: 'copy', from: source.url, to: source.url }, error }]);
});

test('migrate() and check() tell what stands out of what they read where that is asked for', async (t) => {
  const { source, target, from } = await startPair(t);
  await fillAllTypes(from);
  const endpoints = { from: source.url, to: target.url };
  for (const work of [migrate, check]) {
    for (const observe of [true, false]) {
      const told: ObservedEvent[] = [];
      await work({ ...endpoints, observe, onEvent: (event) => void (event.type === 'observed' && told.push(event)) });
      if (!observe) assert.equal(told.length, 0);
      else
        assert.equal(
          told.at(-1)?.types.reduce((sum, { keys }) => sum + keys, 0),
          await from.send('DBSIZE'),
        );
    }
  }
});

test('migrate() publishes nothing where nobody listens', async (t) => {
  const { source, target } = await startPair(t);
  const unheard = channel('rump:done');
  const publish = t.mock.method(unheard, 'publish');
  await migrate({ from: source.url, to: target.url });
  assert.equal(publish.mock.callCount(), 0);
});

function hear(t: TestContext, names: readonly string[]): (PublishedEvent | PublishedError)[] {
  const heard: (PublishedEvent | PublishedError)[] = [];
  const onMessage = (message: unknown): void => void heard.push(message as PublishedEvent | PublishedError);
  for (const name of names) {
    channel(`rump:${name}`).subscribe(onMessage);
    t.after(() => channel(`rump:${name}`).unsubscribe(onMessage));
  }
  return heard;
}

async function found<T>(look: () => Promise<T | null | false>): Promise<T> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline;) {
    const what = await look();
    if (what !== null && what !== false) return what;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('It was not found');
}

async function rejection(from: string, to: string, more: Partial<MigrateOptions> = {}): Promise<unknown> {
  try {
    return await migrate({ from, to, ...more });
  } catch (error) {
    return error;
  }
}
