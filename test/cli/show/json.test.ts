// --json: one object a line on stdout.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RespError } from '../../../resp/errors.ts';
import { JsonOutput } from '../../../src/cli/show/json.ts';
import { BATCH, DONE, DRY_RUN, keyFailed, NONE, progress, reconnect, START, WARNING } from './events.ts';
import { Screen } from './screen.ts';

const TIME = 1_700_000_000_000;

function lines(screen: Screen): Record<string, unknown>[] {
  return screen.stdout.text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('JsonOutput', () => {
  test('prints each event as an object with its name and time', () => {
    const screen = new Screen(true);
    const output = new JsonOutput(screen, { debug: false }, () => TIME);
    const events = [
      START,
      BATCH,
      WARNING,
      reconnect(),
      keyFailed('a\0"'),
      { type: 'key-recovered', db: 3, key: Buffer.from('a\0"') } as const,
      DRY_RUN,
      { type: 'done', ...DONE, elapsed: 5400.4 } as const,
    ];
    for (const event of events) output.onEvent(event);
    output.finish({ result: DONE });
    const time = '2023-11-14T22:13:20.000Z';
    const { databases, scope, expiry, source, target } = START;
    const ends = { from: 'redis://:***@a:1', to: 'redis://b:2/1' };
    const from = { kind: 'server', keys: 1_000_000, nodes: source.nodes };
    const to = { kind: 'cluster', keys: 0, nodes: target.nodes };
    const { type: _, ...lost } = reconnect();
    const reason = 'BUSYKEY Target key name already exists';
    assert.deepEqual(lines(screen), [
      { event: 'start', time, ...ends, source: from, target: to, databases, scope, clockSkew: -12, expiry },
      { event: 'warning', time, code: 'CLOCK_SKEW', message: 'the clocks are \u001B 2 s apart' },
      { event: 'reconnect', time, ...lost },
      { event: 'key-failed', time, db: 3, key: 'a\\x00\\"', code: 'BUSYKEY', reason },
      { event: 'key-recovered', time, db: 3, key: 'a\\x00\\"' },
      { event: 'dry-run', time, types: DRY_RUN.types },
      { event: 'done', time, ...DONE },
    ]);
    assert.equal(screen.stderr.text, '');
  });

  test('cuts a name that would make a line too long for a string, and says how long it is', () => {
    const screen = new Screen(false);
    const output = new JsonOutput(screen, { debug: false }, () => TIME);
    const key = Buffer.alloc(128 * 1024 * 1024, 0xff);
    output.onEvent({ type: 'key-failed', db: 3, key, code: 'BUSYKEY', reason: 'it is there' });
    const [line] = lines(screen);
    assert.equal(line?.['keyBytes'], key.length);
    assert.equal(line?.['key'], '\\xff'.repeat(1024 * 1024));
  });

  test('tells how the source is followed, and how it ended', () => {
    let now = TIME;
    const screen = new Screen(false);
    const output = new JsonOutput(screen, { debug: false }, () => now);
    const feed = { kind: 'psync', why: 'PSYNC begins with an empty snapshot' } as const;
    output.onEvent({ ...START, feed });
    const figures = { ...NONE, removed: 7 };
    const phases = ['following', 'in-sync', 'cutover', 'lingering'] as const;
    for (const phase of phases) {
      output.onEvent({ type: 'phase', phase });
      output.onEvent({ type: 'progress', fraction: 1, ...figures, live: { phase, behind: 12, lag: 403.6 } });
      now += 1000;
    }
    output.onEvent({ type: 'progress', fraction: 1, ...figures, live: { phase: 'copying', behind: 0, lag: null } });
    const end = { ...figures, stragglers: 3, doubtful: 1 };
    output.onEvent({ type: 'done', ...end });
    output.finish({ result: end });
    const told = lines(screen).map((line) =>
      Object.fromEntries(Object.entries(line).filter(([name]) => name !== 'time')),
    );
    assert.deepEqual(told[0]?.['feed'], feed);
    assert.deepEqual(told.slice(1), [
      ...phases.flatMap((phase) => [
        { event: 'phase', phase },
        { event: 'progress', fraction: 1, ...figures, live: { phase, behind: 12, lag: 404 } },
      ]),
      { event: 'progress', fraction: 1, ...figures, live: { phase: 'copying', behind: 0, lag: null } },
      { event: 'done', ...end },
    ]);
    assert.match(screen.stderr.text, /^rump: the source was written after the cutover \(3 changes\): .*\n.*1 key of/);
  });

  test('has null where there is no clock to compare', () => {
    const screen = new Screen(false);
    new JsonOutput(screen, { debug: false }).onEvent({ ...START, clockSkew: null });
    assert.equal(lines(screen)[0]?.['clockSkew'], null);
  });

  test('tells of progress at most once a second', () => {
    let now = TIME;
    const screen = new Screen(false);
    const output = new JsonOutput(screen, { debug: false }, () => now);
    for (; now < TIME + 3000; now += 50) output.onEvent(progress((now - TIME) / 3000, { keys: now - TIME }));
    assert.deepEqual(
      lines(screen).map(({ event, keys }) => [event, keys]),
      [
        ['progress', 0],
        ['progress', 1000],
        ['progress', 2000],
      ],
    );
  });

  test('tells how far it came before an error, which is on stderr as well', () => {
    const screen = new Screen(false);
    const output = new JsonOutput(screen, { debug: false }, () => TIME);
    output.onEvent(progress(0, NONE));
    output.onEvent(progress(0.5, DONE));
    output.onInterrupt();
    output.finish({ error: new RespError('OOM', 'Cannot write', { hint: 'raise maxmemory' }) });
    const [, last, error, ...more] = lines(screen);
    assert.deepEqual([last?.['event'], last?.['fraction'], last?.['keys']], ['progress', 0.5, 1_000_000]);
    const { time: _, ...rest } = error!;
    assert.deepEqual(rest, { event: 'error', code: 'OOM', message: 'Cannot write', hint: 'raise maxmemory' });
    assert.deepEqual(more, []);
    assert.equal(screen.stderr.text, 'rump: Cannot write (raise maxmemory)\n');
  });

  test('tells no progress of what is done, where the check behind it fails', () => {
    const screen = new Screen(false);
    const output = new JsonOutput(screen, { debug: false }, () => TIME);
    output.onEvent(progress(0, NONE));
    output.onEvent(progress(0.5, NONE));
    output.onEvent({ type: 'done', ...DONE });
    output.finish({ error: new RespError('CLOSED', 'Cannot compare') });
    assert.deepEqual(
      lines(screen).map(({ event }) => event),
      ['progress', 'done', 'error'],
    );
  });

  test('prints every failed key, and on stderr how many there are', () => {
    const screen = new Screen(false);
    const output = new JsonOutput(screen, { debug: false });
    for (let i = 0; i < 100; i++) output.onEvent(keyFailed(`k${i}`));
    output.finish({ result: { ...DONE, failed: 100 } });
    assert.equal(lines(screen).length, 100);
    assert.equal(screen.stderr.text, 'rump: 100 keys were not copied\n');
  });
});
