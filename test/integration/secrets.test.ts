// Passwords of every spelling are understood, and no part of one is ever shown, whatever goes wrong.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startMemoryServer } from '../support/memory-server/memory-server.ts';
import { assertDone } from '../support/outcome.ts';
import type { TestServer } from '../support/redis-server.ts';
import { runRump, type RumpOptions } from '../support/rump.ts';
import { startPair, type ServerPair } from '../support/server-pair.ts';

/** Its pieces are words that occur nowhere else, so that a password that was cut in the wrong place is noticed. */
const PASSWORD = 'zebra#otter@heron:lemur/tapir%bison?gecko&6379=#%';
const PIECES = PASSWORD.split(/\W+/).filter((piece) => /^[a-z]{5}$/.test(piece));
const ENCODED = encodeURIComponent(PASSWORD);
const WRONG = PASSWORD.toUpperCase();

test('rump understands a password of #@:/%? in every place that it may come from', async (t) => {
  const { source, target, from, to } = await startLocked(t);
  const file = join(target.dir, 'password');
  writeFileSync(file, `${PASSWORD}\n`);
  const ways: Readonly<
    Record<string, readonly [from: string, to: string, args?: readonly string[], env?: RumpOptions['env']]>
  > = {
    raw: [login(source, `:${PASSWORD}`), login(target, `:${PASSWORD}`)],
    encoded: [login(source, `:${ENCODED}`), login(target, `:${ENCODED}`)],
    'raw, of a user': [login(source, `app:${PASSWORD}`), login(target, `default:${PASSWORD}`)],
    'encoded, of a user': [login(source, `app:${ENCODED}`), login(target, `default:${ENCODED}`)],
    environment: [source.url, target.url, [], { RUMP_FROM_PASSWORD: PASSWORD, RUMP_TO_PASSWORD: PASSWORD }],
    file: [source.url, target.url, ['--from-password-file', file, '--to-password-file', file]],
    'file, of a user': [login(source, 'app'), target.url, ['--from-password-file', file, '--to-password-file', file]],
    'file over URL': [login(source, ':bad'), target.url, ['--from-password-file', file, '--to-password-file', file]],
    'endpoints in the environment': [
      '',
      '',
      [],
      { RUMP_FROM: login(source, `:${PASSWORD}`), RUMP_TO: login(target, `:${PASSWORD}`) },
    ],
  };
  await from.send('SET', 'key', 'value');
  for (const [name, [source, target, args = [], env = {}]] of Object.entries(ways)) {
    await to.send('FLUSHALL');
    const endpoints = source === '' ? [] : ['--from', source, '--to', target];
    const result = await runRump([...endpoints, ...args, '--debug'], { env });
    await t.test(name, () => {
      assertDone(result);
      assertNoSecret(result.stdout + result.stderr);
    });
    assert.equal(await to.send('EXISTS', 'key'), 1);
  }
});

test('rump shows no part of a password in any error, plain or as JSON with --debug', async (t) => {
  const { source, target, from, to, endpoints } = await startLocked(t);
  await from.send('SET', 'key', 'value');
  await to.send('SET', 'key', 'value');
  const [here, there] = [`127.0.0.1:${source.port}`, `127.0.0.1:${target.port}`];
  const good = ['--from', url(`:${PASSWORD}`, here), '--to', url(`:${PASSWORD}`, there)];
  const cases: Readonly<Record<string, readonly string[]>> = {
    'wrong password': ['--from', url(`:${WRONG}`, here), '--to', url(`:${PASSWORD}`, there)],
    'wrong password of the target': ['--from', url(`:${PASSWORD}`, here), '--to', url(`:${WRONG}`, there)],
    'unknown user': ['--from', url(`nobody:${PASSWORD}`, here), '--to', url(`:${PASSWORD}`, there)],
    'nobody there': ['--from', url(`:${PASSWORD}`, '127.0.0.1:1'), '--to', url(`:${PASSWORD}`, there)],
    'no such host': ['--from', url(`:${PASSWORD}`, 'host.invalid'), '--to', url(`:${PASSWORD}`, there)],
    'no such database': ['--from', url(`:${PASSWORD}`, `${here}/99`), '--to', url(`:${PASSWORD}`, there)],
    'bad database': ['--from', url(`:${PASSWORD}`, `${here}/x`), '--to', url(`:${PASSWORD}`, there)],
    'bad port': ['--from', url(`:${PASSWORD}`, '127.0.0.1:99999'), '--to', url(`:${PASSWORD}`, there)],
    'no host': ['--from', url(`:${PASSWORD}`, ''), '--to', url(`:${PASSWORD}`, there)],
    'unknown scheme': ['--from', `http://:${PASSWORD}@${here}`, '--to', url(`:${PASSWORD}`, there)],
    'no scheme': ['--from', `:${PASSWORD}@${here}`, '--to', url(`:${PASSWORD}`, there)],
    TLS: ['--from', `rediss://:${PASSWORD}@${here}`, '--to', url(`:${PASSWORD}`, there), '--timeout', '1s'],
    Sentinel: ['--from', `redis+sentinel://:${PASSWORD}@${here}/main`, '--to', url(`:${PASSWORD}`, there)],
    'same database': ['--from', url(`:${PASSWORD}`, here), '--to', url(`app:${PASSWORD}`, here)],
    'a key that fails': [...good, '--on-conflict', 'fail'],
    'a key that fails, encoded': [
      ...good.map((word) => word.replace(PASSWORD, ENCODED)),
      '--on-conflict',
      'fail',
      '--fail-fast',
    ],
    'endpoints without their flags': good.filter((word) => !word.startsWith('--')),
    'a flag that is none': [`--form=${good[1]!}`, ...good],
    'a flag without its dashes': ['from', ...good.slice(1)],
    'a flag twice': [...good, `--from=${good[1]!}`],
    'an address for another flag': [...good, '--count', good[1]!],
    'an address for a database': [...good, '--db', good[1]!],
    'an address for a file': [...good, '--from-password-file', good[1]!],
    'a password flag': [...endpoints, `--from-password=${PASSWORD}`],
    'a password flag with a space': [...endpoints, '--to-password', PASSWORD],
  };
  for (const [name, args] of Object.entries(cases)) {
    const results = await Promise.all([args, [...args, '--json', '--debug']].map((args) => runRump(args)));
    await t.test(name, () => {
      for (const { code, stdout, stderr } of results) {
        assert.ok(code === 1 || code === 2 || code === 75, `exit ${code}`);
        assert.match(stderr, /^rump: \S/);
        assertNoSecret(stdout + stderr);
      }
    });
  }
});

test('rump shows no password that a server repeats, its own or that of the other side, and nothing that a terminal obeys', async (t) => {
  const unseen = '\u202E\u2028\u200F\u001B[2J';
  const other = `${PASSWORD}-of-the-target`;
  const words = `-WRONGPASS ${PASSWORD} ${ENCODED} '${PASSWORD.slice(0, 20)}' ${other} ${unseen}\r\n`;
  const parrot = createServer((socket) => socket.on('error', () => {}).on('data', () => socket.write(words)));
  parrot.listen(0, '127.0.0.1');
  await once(parrot, 'listening');
  t.after(() => parrot.close());
  // A character a byte.
  const version = Buffer.from(`7.0.15 ${other}${PASSWORD}${unseen}`).toString('latin1');
  const [source, target] = await Promise.all([
    startMemoryServer({ password: PASSWORD, version }),
    startMemoryServer({ password: other }),
  ]);
  t.after(() => Promise.all([source.stop(), target.stop()]));
  const { port } = parrot.address() as AddressInfo;
  const to = ['--to', url(`:${other}`, `127.0.0.1:${target.port}`)];
  const cases = [
    {
      args: ['--from', url(`:${PASSWORD}`, `127.0.0.1:${port}`), ...to],
      code: 1,
      words: /WRONGPASS \*\*\* \*\*\* '\*\*\*' \*\*\*/,
    },
    {
      args: ['--from', url(`:${PASSWORD}`, `127.0.0.1:${source.port}`), ...to, '--dry-run'],
      code: 0,
      words: /redis 7\.0\.15 \*\*\*/,
    },
  ];
  for (const { args, code, words } of cases) {
    for (const more of [['--debug'], ['--debug', '--json']]) {
      const result = await runRump([...args, ...more]);
      const shown = result.stdout + result.stderr;
      assert.equal(result.code, code, shown);
      assert.match(shown, words);
      assertNoSecret(shown);
      assert.doesNotMatch(shown.replaceAll('\n', ''), /[\p{Cc}\p{Cf}\p{Zl}]/u);
      assert.match(shown, /\\u\{?202e/);
    }
  }
});

function login(server: TestServer, text: string): string {
  return server.url.replace('//', `//${text}@`);
}

function url(text: string, place: string): string {
  return `redis://${text}@${place}`;
}

function assertNoSecret(output: string): void {
  for (const piece of PIECES) {
    assert.ok(!output.toLowerCase().includes(piece), `"${piece}" of the password is in ${output}`);
  }
}

/** Both ask for the password; the source also knows a user `app` by it. */
async function startLocked(t: TestContext): Promise<ServerPair> {
  const pair = await startPair(t);
  for (const client of [pair.from, pair.to]) {
    await client.send('ACL', 'SETUSER', 'app', 'on', `>${PASSWORD}`, '~*', '+@all');
    await client.send('CONFIG', 'SET', 'requirepass', PASSWORD);
    await client.send('AUTH', PASSWORD);
  }
  return pair;
}
