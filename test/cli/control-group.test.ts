// What rump ctl says to all runs of a folder, and when it lets none of them cut over. Who listens here is no run: only what a
// run would answer.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Listener } from '../../resp/listener.ts';
import { bulkReply, errorReply, okReply } from '../../resp/server-replies.ts';
import { RunControls, type StatusReport } from '../../src/sync/controls.ts';
import { answersOf } from '../../src/sync/control-commands.ts';
import { PLAN_FORMAT, type PartitionOptions, type WorkersPlan } from '../../src/sync/workers-plan.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump, type RumpResult } from '../support/rump.ts';

const FIGURES = { converted: 0, skipped: 0, expired: 0, failed: 0, reconnects: 0, elapsed: 1000 };

/** A run that follows its source, as far as a socket can tell. */
class FakeRun {
  readonly controls: RunControls;
  readonly #told = new EventEmitter();
  listener!: Listener;

  constructor(live: boolean, partition?: PartitionOptions) {
    this.controls = new RunControls({ live, partition });
  }

  static async start(t: TestContext, path: string, live = true, partition?: PartitionOptions): Promise<FakeRun> {
    const run = new FakeRun(live, partition);
    const answer = answersOf(run.controls);
    run.listener = await Listener.open({
      path,
      answer(words) {
        run.#told.emit('told');
        return answer(words);
      },
    });
    t.after(() => run.listener.close());
    return run;
  }

  get isToldToCutOver(): boolean {
    return this.controls.cutoverSignal.aborted;
  }

  /** Resolves once it is told something again. */
  async asked(): Promise<void> {
    await once(this.#told, 'told');
  }

  show(phase: string, { keys = 0, behind = 0, lag = 0 } = {}): void {
    this.controls.show(phase, { ...FIGURES, fraction: 0.5, keys, bytes: 10 * keys, behind, lag });
  }
}

function startRun(t: TestContext, folder: string, name: string, live = true): Promise<FakeRun> {
  return FakeRun.start(t, join(folder, name), live);
}

/** @param last slot of the first part */
function planOfTwo(last: number): WorkersPlan {
  const shares = [[0, last] as const, [last + 1, 16_383] as const].map((slots) => ({
    slots: [slots],
    keys: 1,
    nodes: ['h:1'],
  }));
  return { rump: '2.0.0', plan: PLAN_FORMAT, source: { nodes: ['a'], slots: 16_384 }, shares };
}

/** A socket that a process has left which was killed. */
function leaveDead(path: string): void {
  const program = `net.createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  assert.equal(spawnSync(process.execPath, ['-e', program]).signal, 'SIGKILL');
}

function told(folder: string, ...words: string[]): Promise<RumpResult> {
  return runRump(['ctl', folder, ...words]);
}

test('rump ctl DIR status tells of each run and of the whole, in the order of their numbers', async (t) => {
  const folder = folderOf(t);
  const runs = [await startRun(t, folder, '10.sock'), await startRun(t, folder, '2.sock')];
  writeFileSync(join(folder, 'notes.txt'), 'no socket');
  runs[0]!.show('in-sync', { keys: 1000, lag: 40 });
  runs[1]!.show('following', { keys: 234, behind: 7, lag: 1200 });
  const { code, stdout, stderr } = await told(folder, 'status');
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal(
    stdout,
    '2.sock   following, 234 keys, 2.3 KiB, 0 keys/s, 0 failed, 7 keys behind, lag 1.2 s\n' +
      '10.sock  in-sync, 1,000 keys, 9.8 KiB, 0 keys/s, 0 failed, 0 keys behind, lag 0.0 s\n' +
      'all      2 runs, 1,234 keys, 12.1 KiB, 0 keys/s, 0 failed, largest lag 1.2 s\n',
  );
  runs[1]!.show('in-sync', { keys: 234 });
  assert.match((await told(folder, 'STATUS')).stdout, /^all .*, all in sync$/m);
  const whole = JSON.parse((await told(folder, 'status', 'json')).stdout) as Record<string, unknown>;
  const { each, ...sums } = whole as { each: StatusReport[] };
  assert.deepEqual(sums, {
    runs: 2,
    lost: 0,
    missing: [],
    onePlan: true,
    keys: 1234,
    bytes: 12_340,
    skipped: 0,
    expired: 0,
    failed: 0,
    keysPerSecond: 0,
    bytesPerSecond: 0,
    lag: 40,
    allInSync: true,
  });
  assert.deepEqual(
    each.map(({ phase, keys }) => [phase, keys]),
    [
      ['in-sync', 234],
      ['in-sync', 1000],
    ],
  );
});

test('rump ctl DIR status shows no control of a terminal, and no line more, that the name of a socket holds', async (t) => {
  const folder = folderOf(t);
  const name = 'a\u009b2J\u202e\nall in sync';
  (await startRun(t, folder, name)).show('following');
  const { stdout } = await told(folder, 'status');
  assert.equal(stdout.trimEnd().split('\n').length, 2);
  const { stdout: json } = await told(folder, 'status', 'json');
  for (const text of [stdout, json]) assert.doesNotMatch(text, /[\u009b\u202e]/);
  const { each } = JSON.parse(json) as { each: readonly { socket: string }[] };
  assert.equal(each[0]?.socket, name);
});

test('rump ctl DIR says every other command to all, and shows what each answers', async (t) => {
  const folder = folderOf(t);
  const [first, second] = [await startRun(t, folder, 'a'), await startRun(t, folder, 'b')];
  assert.equal((await told(folder, 'tpslimit', '200')).stdout, 'a: OK\nb: OK\n');
  assert.deepEqual([first.controls.status().tpslimit, second.controls.status().tpslimit], [200, 200]);
  const refused = await told(folder, 'tpslimit', 'x');
  assert.deepEqual([refused.code, refused.stdout], [1, '']);
  assert.match(refused.stderr, /^rump: a: ERR Cannot use 'x'.*\nrump: b: ERR Cannot use 'x'.*\n$/);
});

test('rump ctl DIR tells a socket that a dead run has left, and speaks to the others', async (t) => {
  const folder = folderOf(t);
  const run = await startRun(t, folder, 'a.sock');
  run.show('in-sync');
  leaveDead(join(folder, 'b.sock'));
  const status = await told(folder, 'status');
  assert.equal(status.code, 1);
  assert.match(
    status.stdout,
    /^b\.sock {2}lost: the run that made it is dead\nall {5}1 run, 1 lost, (?!.*all in sync)/m,
  );
  const paused = await told(folder, 'pause');
  assert.deepEqual([paused.code, paused.stdout, run.controls.pausing.isOn], [1, 'a.sock: OK\n', true]);
  assert.match(paused.stderr, /^rump: b\.sock: the run that made it is dead \(start it again, or remove the socket/);
  await told(folder, 'resume');
  const cutover = await told(folder, 'cutover');
  assert.deepEqual([cutover.code, cutover.stdout, run.isToldToCutOver], [1, '', false]);
  assert.match(
    cutover.stderr,
    /^rump: Cannot cut over, and nobody was told to: b\.sock: the run that made it is dead \(/,
  );
});

test('rump ctl DIR cutover waits until all are in sync, and for those that join, and then tells all', async (t) => {
  const folder = folderOf(t);
  const runs = [await startRun(t, folder, 'a'), await startRun(t, folder, 'b')];
  runs[0]!.show('in-sync');
  runs[1]!.show('following', { behind: 3 });
  const cutover = told(folder, 'cutover');
  await runs[1]!.asked();
  const third = await startRun(t, folder, 'c');
  third.show('copying');
  await third.asked();
  runs[1]!.show('in-sync');
  await third.asked();
  assert.deepEqual(
    [...runs, third].map((run) => run.isToldToCutOver),
    [false, false, false],
  );
  third.show('in-sync');
  const { code, stdout, stderr } = await cutover;
  assert.deepEqual([code, stdout, stderr], [0, 'all in sync\na: OK\nb: OK\nc: OK\n', '']);
  assert.deepEqual(
    [...runs, third].map((run) => run.isToldToCutOver),
    [true, true, true],
  );
});

test('rump ctl DIR cutover goes on where some were told already', async (t) => {
  const folder = folderOf(t);
  const runs = [await startRun(t, folder, 'a'), await startRun(t, folder, 'b')];
  runs[0]!.show('lingering');
  runs[1]!.show('in-sync');
  assert.equal((await told(folder, 'cutover')).code, 0);
  assert.ok(runs[1]!.isToldToCutOver);
});

test('rump ctl DIR cutover tells nobody where not all are in sync in time', async (t) => {
  const folder = folderOf(t);
  const runs = [await startRun(t, folder, 'a'), await startRun(t, folder, 'b')];
  runs[0]!.show('in-sync');
  for (const phase of ['following', 'in-sync', 'lingering']) {
    runs[1]!.show(phase);
    if (phase !== 'following') runs[1]!.controls.pause();
    const { code, stdout, stderr } = await told(folder, 'cutover', '--cutover-timeout', '300ms');
    assert.deepEqual([code, stdout], [75, '']);
    const why = { following: 'following', 'in-sync': 'following, paused' }[phase] ?? `${phase}, paused`;
    assert.ok(stderr.includes(`nobody was told to: not in sync within 0.3 s: b (${why}) (--cutover-timeout`), stderr);
    assert.doesNotMatch((await told(folder, 'status')).stdout, /all in sync/);
  }
  assert.deepEqual(
    runs.map((run) => run.isToldToCutOver),
    [false, false],
  );
});

for (const [what, name, why] of [
  ['is lost', 'lost', /b: .*connection/i],
  ['stops', 'stops', /b: it stops before it is done/],
  ['follows nothing', 'quiet', /b: it has no cutover, as it runs without --live/],
  ['is no run at all', 'other', /b: ERR unknown command 'STATUS'/],
  ['says what is no status', 'odd', /b: what it says is no status of a run of rump/],
] as const) {
  test(`rump ctl DIR cutover tells nobody where one ${what} meanwhile`, async (t) => {
    const folder = folderOf(t);
    const first = await startRun(t, folder, 'a');
    first.show('copying');
    const cutover = told(folder, 'cutover');
    await first.asked();
    if (name === 'lost' || name === 'stops') {
      const second = await startRun(t, folder, 'b');
      second.show('copying');
      await second.asked();
      if (name === 'lost') second.listener.close();
      else second.controls.abort();
    } else if (name === 'quiet') {
      (await startRun(t, folder, 'b', false)).show('copying');
    } else {
      const reply = name === 'odd' ? bulkReply('{"phase":"in-sync"}') : errorReply("ERR unknown command 'STATUS'");
      const listener = await Listener.open({ path: join(folder, 'b'), answer: () => reply });
      t.after(() => listener.close());
    }
    const { code, stdout, stderr } = await cutover;
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^rump: Cannot cut over, and nobody was told to: /);
    assert.match(stderr, why);
    assert.equal(first.isToldToCutOver, false);
  });
}

test('rump ctl DIR says which run was not told, where it was lost at the last moment', async (t) => {
  const folder = folderOf(t);
  const first = await startRun(t, folder, 'a');
  first.show('in-sync');
  const second = new RunControls({ live: true });
  second.show('in-sync', { ...FIGURES, fraction: 1, keys: 0, bytes: 0 });
  const listener = await Listener.open({
    path: join(folder, 'b'),
    answer(words) {
      if (words[0] !== 'CUTOVER' && words[0] !== 'cutover') return answersOf(second)(words);
      listener.close();
      return '';
    },
  });
  const { code, stdout, stderr } = await told(folder, 'cutover');
  assert.deepEqual([code, stdout], [1, 'all in sync\na: OK\n']);
  assert.match(stderr, /^rump: b: /);
});

test('rump ctl DIR cutover tells nobody where a part of the cluster has no run', async (t) => {
  const folder = folderOf(t);
  const runs = await Promise.all(
    [1, 3].map((part) => FakeRun.start(t, join(folder, `${part}`), true, { part, parts: 3 })),
  );
  for (const run of runs) run.show('in-sync');
  const { code, stdout, stderr } = await told(folder, 'cutover');
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(
    stderr,
    /^rump: Cannot cut over, and nobody was told to: no run has part 2\/3 \(start what is missing; where it is done/m,
  );
  assert.match(
    (await told(folder, 'status')).stdout,
    /^3 {4}part 3\/3, in-sync, .*\nall {2}2 runs, no run has part 2\/3, (?!.*all in sync)/m,
  );
  assert.deepEqual(
    runs.map((run) => run.isToldToCutOver),
    [false, false],
  );
  (await FakeRun.start(t, join(folder, '2'), true, { part: 2, parts: 3 })).show('in-sync');
  assert.equal((await told(folder, 'cutover')).code, 0);
});

test('rump ctl DIR cutover tells nobody where the parts are of different plans', async (t) => {
  const folder = folderOf(t);
  const [one, same, different] = [8191, 8191, 8190].map((last) => planOfTwo(last));
  const first = await FakeRun.start(t, join(folder, '1'), true, { part: 1, parts: 2, plan: one });
  const second = await FakeRun.start(t, join(folder, '2'), true, { part: 2, parts: 2, plan: different });
  for (const run of [first, second]) run.show('in-sync');
  const { code, stdout, stderr } = await told(folder, 'cutover');
  assert.deepEqual([code, stdout, first.isToldToCutOver, second.isToldToCutOver], [1, '', false, false]);
  assert.match(stderr, /nobody was told to: the runs have different plans \(start all of them with one plan\)$/m);
  assert.match((await told(folder, 'status')).stdout, /^all {2}2 runs, different plans, (?!.*all in sync)/m);
  second.listener.close();
  (await FakeRun.start(t, join(folder, '2'), true, { part: 2, parts: 2, plan: same })).show('in-sync');
  assert.equal((await told(folder, 'cutover')).code, 0);
});

test('rump ctl DIR says so where no socket is there, or the folder cannot be read', async (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, 'file'), '');
  const { code, stderr } = await told(folder, 'status');
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^rump: Cannot speak to the runs in \S+: no socket is there \(each is there while its copy runs/,
  );
});

test('rump ctl DIR shows no control of a terminal that a name or an answer holds', async (t) => {
  const folder = folderOf(t);
  const listener = await Listener.open({ path: join(folder, '\u001b[2Ja'), answer: () => okReply() });
  t.after(() => listener.close());
  const results = [await told(folder, 'ping'), await told(folder, 'status')];
  for (const { stdout, stderr } of results) assert.ok(!(stdout + stderr).includes('\u001b'));
});
