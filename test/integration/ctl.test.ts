// What is said to a copy through its socket, by whom, and what is no command.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { kill } from '../support/broken-off.ts';
import { listening, startControlled, statusOf } from '../support/controlled.ts';
import { assertSameData } from '../support/keyspace.ts';
import { borrow, giveBack } from '../support/lent-servers.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone, assertFailed, assertRefused } from '../support/outcome.ts';
import { blocksOf } from '../support/pages.ts';
import type { TestServer } from '../support/redis-server.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump, startRump, type RunningRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { longOnly } from '../support/tier.ts';

/** So few keys a second that no copy is over before it was told anything. */
const SLOWLY = ['--tpslimit', '200'];
const STOPPED = /^rump: Stopped by the control socket before everything was done$/;

/** Of several copies. */
const DATABASES = [0, 1];
const KEYS_EACH = 200;
const POLL_MS = 20;

let source: TestServer;
let target: TestServer;
let endpoints: readonly string[];

before(async () => {
  [source, target] = await Promise.all([borrow(), borrow()]);
  endpoints = ['--from', source.url, '--to', target.url];
  const from = await source.client();
  await from.pipeline(Array.from({ length: 3000 }, (_, i) => ['SET', `key:${i}`, i]));
});
after(() => Promise.all([source, target].map(giveBack)));
beforeEach(async () => (await target.client()).send('FLUSHALL'));

test('redis-cli -s says the same as rump ctl', async (t) => {
  const run = await startControlled(t, [...endpoints, ...SLOWLY]);
  const cli = async (...words: string[]): Promise<string> =>
    (await promisify(execFile)('redis-cli', ['-s', run.path, ...words])).stdout;
  assert.equal(await cli('PING'), 'PONG\n');
  assert.match(await cli('status'), /^phase: \w+\n/);
  assert.equal((JSON.parse(await cli('STATUS', 'JSON')) as { paused: boolean }).paused, false);
  assert.match(await cli('COMMAND'), /\bSTATUS \[JSON\] {2,}/);
  assert.match(await cli('HELLO', '3'), /^ERR unknown command 'HELLO'/);
  assert.equal(await cli('ABORT'), 'OK\n');
  assertFailed(await run.running.done, { code: 75, error: STOPPED });
});

test('rump answers a wrong command with what it expects, and nothing changes', async (t) => {
  const run = await startControlled(t, [...endpoints, ...SLOWLY, '--bwlimit', '1M']);
  for (const [words, error] of [
    [['bwlimit', 'x'], /^rump: ERR Cannot use 'x': it takes bytes, .*; 0 is no limit$/],
    [['bwlimit'], /^rump: ERR Cannot use BWLIMIT: it takes bytes/],
    [['bwlimit', '1k', '2k'], /^rump: ERR BWLIMIT takes SIZE\|0$/],
    [['bwlimit', '-5'], /^rump: ERR Cannot use '-5': it takes bytes/],
    [['tpslimit', '1.5'], /^rump: ERR Cannot use '1.5': it takes a whole number from 1 up; 0 is no limit$/],
    [['maxlatency', '0'], /^rump: ERR Cannot use '0': it takes a number with ms, s, m or h/],
    [['maxlatency', '50'], /^rump: ERR Cannot use '50': it takes a number with ms/],
    [['pause', 'now'], /^rump: ERR PAUSE takes nothing$/],
    [['status', 'xml'], /^rump: ERR Cannot use 'xml': STATUS takes nothing, or JSON$/],
    [['cutover'], /^rump: ERR Cannot use CUTOVER: only a run with --live has a cutover$/],
    [['set', 'a', 'b'], /^rump: ERR unknown command 'set': HELP lists those that there are$/],
    [['constructor'], /^rump: ERR unknown command 'constructor'/],
    [['\u001B[2J', ''], /^rump: ERR unknown command '\?\[2J'/],
  ] as const) {
    assertRefused(await runRump(['ctl', run.path, '--', ...words]), { error });
  }
  const { paused, bwlimit, tpslimit, maxLatency } = await statusOf(run);
  assert.deepEqual([paused, bwlimit, tpslimit, maxLatency], [false, 1024 * 1024, 200, 50]);
  await run.tell('abort');
  await run.running.done;
});

test('The recipe of README.md slows a copy down and lets it go on', async (t) => {
  const [begin, told] = blocksOf('Slow down a copy that is under way', 'sh');
  assert.match(begin!, /^rump --from \S+ --to \S+ --control run\.sock\n$/);
  const run = await startControlled(t, [...endpoints, ...SLOWLY]);
  const commands = told!.trim().split('\n');
  assert.ok(commands.length >= 4);
  for (const line of commands) {
    const [rump, ...words] = line.split(' ');
    assert.equal(rump, 'rump');
    const { code, stderr } = await runRump(words.map((word) => (word === 'run.sock' ? run.path : word)));
    assert.equal(code, 0, stderr);
  }
  await run.tell('tpslimit', '0');
  assertDone(await run.running.done);
});

for (const [args, error] of [
  [['ctl'], /^rump: Cannot use rump ctl without the path of a socket/],
  [['ctl', 'run.sock'], /^rump: Cannot use rump ctl without a command/],
  [['ctl', 'run.sock', 'status', '--db', '1'], /^rump: Cannot use --db: it means nothing to ctl/],
  [['check', '--control', 'run.sock'], /^rump: Cannot use --control: it means nothing to a check/],
] as const) {
  test(`rump ${args.join(' ')} is refused`, async () => {
    assertRefused(await runRump(args), { code: 2, error });
  });
}

test('rump ctl help lists the commands, and RUMP_CONTROL makes the socket as well', async (t) => {
  const help = await runRump(['ctl', 'help']);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /^Usage: rump ctl SOCKET\|DIR COMMAND/);
  const path = join(folderOf(t), 'run.sock');
  const running = startRump([...endpoints, ...SLOWLY], { env: { RUMP_CONTROL: path } });
  await listening(running, path);
  assert.equal((await runRump(['ctl', path, 'abort'])).code, 0);
  assert.equal((await running.done).code, 75);
});

// In the quick tier control-group.test.ts says the same to what answers like a run, and workers.test.ts to real ones.
longOnly(() => {
  test('rump ctl DIR cuts over all copies at once, and none of them while one is dead', async (t) => {
    const { source, target } = await startPair(t);
    const folder = folderOf(t);
    const pathOf = (db: number): string => join(folder, `db-${db}.sock`);
    const start = async (db: number): Promise<RunningRump> => {
      const ends = ['--from', source.url, '--to', target.url, '--db', String(db), '--db-map', `${db}:${db}`];
      const progress = ['--linger', '0s', '--resume', join(folder, `db-${db}.progress`)];
      const running = startRump([...ends, '--live', ...progress, '--control', pathOf(db)]);
      t.after(() => running.end());
      await listening(running, pathOf(db));
      return running;
    };
    for (const db of DATABASES) {
      const from = await source.client(db);
      await from.pipeline(Array.from({ length: KEYS_EACH }, (_, i) => ['SET', `${db}:${i}`, i]));
    }
    const runs = await Promise.all(DATABASES.map(start));
    const tell = (...words: string[]) => runRump(['ctl', folder, ...words]);
    await underWay(
      runs[0]!,
      async () => /^all .* 400 keys, .*, all in sync$/m.test((await tell('status')).stdout),
      POLL_MS,
    );

    await kill(runs[1]!);
    assert.match((await tell('status')).stdout, /^db-1\.sock {2}lost: the run that made it is dead\n/m);
    const refused = await tell('cutover');
    assert.deepEqual([refused.code, refused.stdout], [1, '']);
    assert.match(refused.stderr, /^rump: Cannot cut over, and nobody was told to: db-1\.sock: /);
    assert.match((await tell('status')).stdout, /^db-0\.sock {2}in-sync, /m);

    await (await source.client(1)).send('SET', '1:late', 'written while it was dead');
    runs[1] = await start(1);
    const { code, stdout, stderr } = await tell('cutover');
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'all in sync\ndb-0.sock: OK\ndb-1.sock: OK\n');
    for (const run of runs) assert.equal((await run.done).code, 0, run.stderr);
    for (const db of DATABASES) await assertSameData(await source.client(db), await target.client(db));
    assert.match((await tell('status')).stderr, /no socket is there/);
  });
});
