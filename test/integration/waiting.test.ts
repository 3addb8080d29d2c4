// A server that is there and serves nobody now is waited for, at the start as in the middle; one whose refusal would come
// again is not. Neither is told as a lost connection.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { callsOf } from '../support/command-stats.ts';
import { startControlled } from '../support/controlled.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone, assertFailed, assertRefused } from '../support/outcome.ts';
import { withPeer } from '../support/peer.ts';
import { startServer } from '../support/redis-server.ts';
import { runRump, startRump, type RunningRump } from '../support/rump.ts';
import { startPair, type ServerPair } from '../support/server-pair.ts';
import { serversWith } from '../support/server-versions.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { longTest, variants } from '../support/tier.ts';

/** As long as the test takes to mend what is wrong. */
const PATIENT = ['--retries', '10000', '--retry-max', '20ms'];

interface Trouble {
  readonly side: 'source' | 'target';
  readonly words: RegExp;
  readonly begin: (pair: ServerPair) => Promise<unknown>;
  readonly end: (pair: ServerPair) => Promise<unknown>;
}

const TROUBLES: Readonly<Record<string, Trouble>> = {
  'has too few replicas': {
    side: 'target',
    words: /NOREPLICAS /,
    begin: ({ to }) => to.send('CONFIG', 'SET', 'min-replicas-to-write', 1),
    end: ({ to }) => to.send('CONFIG', 'SET', 'min-replicas-to-write', 0),
  },
  'lets in no more clients': {
    side: 'target',
    words: /ERR max number of clients /,
    begin: ({ to }) => to.send('CONFIG', 'SET', 'maxclients', 1),
    end: ({ to }) => to.send('CONFIG', 'SET', 'maxclients', 1000),
  },
  'cannot save': {
    side: 'target',
    words: /MISCONF /,
    begin: async ({ to, target }) => {
      // The snapshot cannot take the place of a folder.
      mkdirSync(join(target.dir, 'dump.rdb'));
      await to.send('CONFIG', 'SET', 'save', '3600 1');
      await to.send('BGSAVE');
      while (!/rdb_last_bgsave_status:err/.test(String(await to.send('INFO', 'persistence'))));
    },
    end: ({ to }) => to.send('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no'),
  },
  'has lost its primary': {
    side: 'source',
    words: /MASTERDOWN /,
    begin: async ({ from }) => {
      await from.send('CONFIG', 'SET', 'replica-serve-stale-data', 'no');
      await from.send('REPLICAOF', '127.0.0.1', 1);
    },
    end: ({ from }) => from.send('REPLICAOF', 'NO', 'ONE'),
  },
  'runs a script': { side: 'source', words: /BUSY /, begin: keepBusy, end: ({ from }) => from.send('SCRIPT', 'KILL') },
};

for (const [what, { side, words, begin, end }] of variants(...Object.entries(TROUBLES))) {
  test(`rump waits at the start for a ${side} that ${what}`, async (t) => {
    const pair = await startPair(t);
    await pair.from.send('SET', 'key', 'value');
    await begin(pair);
    const running = startRump([...pair.endpoints, ...PATIENT]);
    const where = `127.0.0.1:${pair[side].port}`;
    await said(running, new RegExp(`^rump: waiting for the ${side} ${where}: ${words.source}`, 'm'));
    await end(pair);
    const result = await running.done;
    assertDone(result);
    assert.doesNotMatch(result.stderr, /lost/i);
    assert.equal(String(await pair.to.send('GET', 'key')), 'value');
  });
}

test('rump gives up in the end on a server that goes on refusing: exit code 75, in the words of the server', async (t) => {
  const pair = await startPair(t, { target: { args: ['--min-replicas-to-write', '1'] } });
  const result = await runRump([...pair.endpoints, '--retries', '2', '--retry-max', '10ms']);
  assert.equal(result.code, 75, result.stderr);
  assert.deepEqual(
    result.stderr.match(/^rump: [a-z]+ [a-z]+/gim),
    ['rump: waiting for', 'rump: waiting for', 'rump: Cannot write'],
    result.stderr,
  );
  assert.match(result.stderr, /NOREPLICAS .*\(its min-replicas-to-write /);
});

longTest(
  'rump waits for a server that is busy when it is connected to again, in another database than 0',
  async (t) => {
    const pair = await startPair(t);
    const other = await pair.source.client(1);
    await other.pipeline(Array.from({ length: 3000 }, (_, i) => ['SET', `key:${i}`, i]));
    const proxy = await startProxy({ port: pair.source.port });
    t.after(() => proxy.close());
    const ends = ['--from', `${proxy.url}/1`, '--to', pair.target.url];
    const { running, tell } = await startControlled(t, [...ends, ...PATIENT, '--tpslimit', '300']);
    await underWay(running, async () => ((await pair.to.send('DBSIZE')) as number) > 0);
    await keepBusy(pair);
    proxy.cut();
    await said(running, /^rump: waiting for the source .*: BUSY /m);
    await pair.from.send('SCRIPT', 'KILL');
    await tell('tpslimit', '0');
    assertDone(await running.done);
    assert.equal(await pair.to.send('DBSIZE'), 3000);
  },
);

for (const { name, binary } of serversWith('valkey-9.1')) {
  test(`rump tells at once of a type that ${name} does not know`, async (t) => {
    const [source, target] = await Promise.all([startServer({ binary }), startServer({ binary })]);
    t.after(() => Promise.all([source.stop(), target.stop()]));
    const from = await source.client();
    await from.send('SET', 'key', 'value');
    await from.send('CONFIG', 'RESETSTAT');
    const endpoints = ['--from', source.url, '--to', target.url];
    const result = await runRump(['check', ...endpoints, '--type', 'zsett', '--silent']);
    assertRefused(result, { error: /^rump: Cannot read from 127\.0\.0\.1:\d+: ERR unknown type name/ });
    // One to see that it may be used, one that is refused.
    assert.equal((await callsOf(from)).get('scan'), 2);
  });
}

/** A script that ends when it is killed; returns when the server says so. */
async function keepBusy({ source, from }: ServerPair): Promise<void> {
  await from.send('CONFIG', 'SET', 'lua-time-limit', 10);
  const other = await source.client();
  other.send('EVAL', 'while true do end', 0).catch(() => {});
  while (!/BUSY/.test(String(await from.send('PING').catch((error: unknown) => error))));
}

async function said(running: RunningRump, words: RegExp): Promise<void> {
  while (!words.test(running.stderr)) {
    assert.equal(running.child.exitCode, null, running.stderr);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

for (const [scheme, hint] of [
  ['redis', 'if it speaks TLS, write rediss:// in place of redis://'],
  ['rediss', 'if it does not speak TLS, write redis:// in place of rediss://'],
] as const) {
  test(`rump takes it for something that may pass where ${scheme}:// is hung up on, as by a balancer without servers`, async () => {
    await withPeer(
      (socket) => void socket.once('data', () => socket.destroy()),
      async (port) => {
        const result = await runRump(['--from', `${scheme}://127.0.0.1:${port}`, '--to', 'redis://127.0.0.1:1']);
        assertFailed(result, {
          code: 75,
          error: new RegExp(`^rump: .*127\\.0\\.0\\.1:${port}: .*\\(${hint}\\)$`, 'm'),
        });
      },
    );
  });
}
