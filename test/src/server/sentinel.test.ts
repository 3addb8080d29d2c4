// Finding a primary: which sentinel is asked, what each of them may have against it, and where a failover led.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { inspect } from 'node:util';
import { RespError } from '../../../resp/errors.ts';
import { isWaitedFor } from '../../../src/server/refusal.ts';
import { findPrimary, type SentinelOptions } from '../../../src/server/sentinel.ts';
import { authority } from '../../support/certificates.ts';
import { array, bulk } from '../../support/frames.ts';
import { lend } from '../../support/lent-servers.ts';
import { HOST, withPeer } from '../../support/peer.ts';
import { startServer, type TestServer } from '../../support/redis-server.ts';
import { startReplica } from '../../support/replica.ts';
import { startSentinel, untilPrimary, untilReplicaKnown } from '../../support/sentinel.ts';

const PASSWORD = 'of-the-sentinel';
/** Nothing listens at port 1. */
const DEAD = { port: 1 };

let primary: TestServer;
let sentinel: TestServer;
let stranger: TestServer;
let locked: TestServer;
before(async () => {
  primary = await startServer();
  [sentinel, stranger, locked] = await Promise.all([
    startSentinel({ primary }),
    startSentinel({ primary, service: 'another' }),
    startSentinel({ primary, password: PASSWORD }),
  ]);
});
after(() => Promise.all([sentinel, stranger, locked, primary].map((server) => server.stop())));

function find(
  servers: readonly { readonly port: number }[],
  options: Partial<SentinelOptions> = {},
): ReturnType<typeof findPrimary> {
  const sentinels = servers.map(({ port }) => ({ host: HOST, port }));
  return findPrimary({ sentinels, service: 'main', timeout: 5000, ...options });
}

function peerOf({ port }: TestServer): object {
  return { host: HOST, port };
}

test('findPrimary() goes on behind a sentinel that is dead, and one that watches no such service', async () => {
  assert.deepEqual(await find([DEAD, stranger, sentinel]), peerOf(primary));
});

test('findPrimary() asks nobody else when one has answered', async () => {
  let asked = 0;
  await withPeer(
    () => (asked += 1),
    async (port) => {
      assert.deepEqual(await find([sentinel, { port }]), peerOf(primary));
      assert.equal(asked, 0);
    },
  );
});

test('findPrimary() logs in to the sentinel, as any user or as the one that is named', async () => {
  assert.deepEqual(await find([locked], { password: PASSWORD }), peerOf(primary));
  assert.deepEqual(await find([locked], { username: 'default', password: PASSWORD }), peerOf(primary));
});

test('findPrimary() asks sentinels over TLS', async (t) => {
  const secure = await startSentinel({ primary, tls: 'server' });
  t.after(() => secure.stop());
  assert.deepEqual(await find([secure], { tls: { ca: authority.cert } }), peerOf(primary));
  await assert.rejects(find([secure], { tls: {} }), /its certificate is signed by nobody that is trusted$/);
});

test('findPrimary() names every sentinel with its reason where none tells', async () => {
  await assert.rejects(find([DEAD, stranger, primary]), (error: RespError) => {
    assert.ok(error instanceof RespError);
    assert.equal(error.code, 'SENTINEL');
    assert.equal(
      error.message,
      'Cannot find the primary of main: ' +
        'cannot connect to 127.0.0.1:1: connection refused, nothing listens there; ' +
        `cannot ask 127.0.0.1:${stranger.port}: it watches no service main; ` +
        `cannot ask 127.0.0.1:${primary.port}: it is no sentinel`,
    );
    assert.deepEqual(error.peer, peerOf(primary));
    assert.equal((error.cause as RespError).code, 'ERR');
    return true;
  });
});

test('findPrimary() may be tried again where a sentinel was not there, and not where all have refused', async () => {
  await assert.rejects(find([stranger, DEAD]), { code: 'SENTINEL', retryable: true });
  await assert.rejects(find([stranger, sentinel], { service: 'unknown' }), { code: 'SENTINEL', retryable: false });
});

test('findPrimary() may be tried again where a sentinel that is there lets nobody in now, and says so', async () => {
  await withPeer(
    (socket) => socket.end('-ERR max number of clients reached\r\n'),
    async (port) => {
      await assert.rejects(find([{ port }, DEAD]), (error: RespError) => {
        assert.match(error.message, /127\.0\.0\.1:\d+: ERR max number of clients reached; cannot connect to /);
        assert.equal(isWaitedFor(error), true);
        return true;
      });
    },
  );
});

test('findPrimary() names the way out where a sentinel asks for a password, and never the one that it was given', async () => {
  await assert.rejects(find([locked]), {
    message: `Cannot find the primary of main: cannot ask 127.0.0.1:${locked.port}: it asks for a password`,
    hint: 'give that of the sentinels with --from-sentinel-password-file',
  });
  await assert.rejects(find([locked], { role: 'target' }), {
    hint: 'give that of the sentinels with --to-sentinel-password-file',
  });
  await assert.rejects(
    find([locked, sentinel], { service: 'unknown', password: 'not-this-one' }),
    (error: RespError) => {
      assert.match(error.message, new RegExp(`cannot log in to 127\\.0\\.0\\.1:${locked.port}: WRONGPASS `));
      assert.match(error.message, new RegExp(`cannot log in to 127\\.0\\.0\\.1:${sentinel.port}: `));
      assert.doesNotMatch(inspect(error, { depth: Infinity }), /not-this-one/);
      return true;
    },
  );
});

test('findPrimary() gives a silent sentinel no more than its time, then asks the next', async () => {
  await withPeer(
    () => {},
    async (port) => {
      assert.deepEqual(await find([{ port }, sentinel], { timeout: 300 }), peerOf(primary));
      await assert.rejects(find([{ port }], { timeout: 300 }), {
        code: 'SENTINEL',
        message: /for 0\.3 s it does not reply$/,
      });
    },
  );
});

test('findPrimary() gives a silent sentinel a few seconds, however long the timeout', async () => {
  await withPeer(
    () => {},
    async (port) => {
      const start = performance.now();
      assert.deepEqual(await find([{ port }, sentinel], { timeout: 600_000 }), peerOf(primary));
      assert.ok(performance.now() - start < 10_000);
    },
  );
});

const ANSWERS: readonly (readonly [string, Buffer])[] = [
  ['a port that is none', array(bulk('127.0.0.1'), bulk('70000'))],
  ['no host', array(bulk(''), bulk('6379'))],
  ['a single string', bulk('127.0.0.1:6379')],
];

for (const [what, answer] of ANSWERS) {
  test(`findPrimary() does not take ${what} for an address`, async () => {
    await withPeer(
      (socket) => void socket.on('data', () => socket.write(answer)),
      async (port) => {
        await assert.rejects(find([{ port }]), { code: 'SENTINEL', message: /: its answer is no address$/ });
      },
    );
  });
}

test('findPrimary() stops at once, with the reason of the signal', async () => {
  // One that could be taken for the failure of a sentinel.
  const reason = new RespError('INTERRUPTED', 'interrupted');
  const start = performance.now();
  await assert.rejects(find([sentinel], { signal: AbortSignal.abort(reason) }), reason);
  await withPeer(
    () => {},
    async (port) => {
      const controller = new AbortController();
      const finding = find([{ port }, sentinel], { signal: controller.signal });
      setTimeout(() => controller.abort(reason), 50);
      await assert.rejects(finding, reason);
      assert.ok(performance.now() - start < 2000);
    },
  );
});

test('findPrimary() names the new primary after a failover', async (t) => {
  const old = await lend(t);
  const replica = await startReplica(old);
  t.after(() => replica.stop());
  const watcher = await startSentinel({ primary: old });
  t.after(() => watcher.stop());
  await untilReplicaKnown(watcher);
  assert.deepEqual(await find([watcher]), peerOf(old));
  await old.kill();
  await untilPrimary(watcher, replica);
  assert.deepEqual(await find([DEAD, watcher]), peerOf(replica));
});
