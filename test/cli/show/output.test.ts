// Each way to show a run: what it prints to stdout and stderr for the events it gets.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RespError } from '../../../resp/errors.ts';
import { Interrupted } from '../../../src/cli/show/output.ts';
import {
  BATCH,
  DONE,
  DRY_RUN,
  keyFailed,
  nodeAt,
  NONE,
  progress,
  reconnect,
  START,
  SUMMARY,
  WARNING,
} from './events.ts';
import { show } from './screen.ts';

describe('Dots', () => {
  test('print one dot a batch and the closing words, and the summary on stderr', () => {
    const { screen, output } = show('auto');
    for (const event of [START, BATCH, progress(0.5), BATCH, { type: 'done', ...DONE } as const]) output.onEvent(event);
    output.finish({ result: DONE });
    assert.equal(screen.stdout.text, '..Sync done.\n');
    assert.equal(screen.stderr.text, SUMMARY);
  });

  test('do not say that it is done when a key was not copied', () => {
    const { screen, output } = show('dots');
    output.onEvent(BATCH);
    output.onEvent(keyFailed('a\0b'));
    output.finish({ result: { ...DONE, failed: 1 } });
    assert.equal(screen.stdout.text, '.');
    const [key, summary, last, ...more] = screen.stderr.text.split('\n');
    assert.equal(key, 'rump: key "a\\x00b" in db 3: BUSYKEY Target key name already exists');
    assert.match(summary!, / 1 failed$/);
    assert.deepEqual([last, ...more], ['rump: 1 key was not copied', '']);
  });

  test('do not say that it is done after an error, but how far it came', () => {
    const { screen, output } = show('dots');
    output.onEvent(progress(0.5, DONE));
    output.finish({ error: new RespError('OOM', 'Cannot write', { hint: 'raise maxmemory' }) });
    assert.equal(screen.stdout.text, '');
    assert.equal(screen.stderr.text, `${SUMMARY}rump: Cannot write (raise maxmemory)\n`);
  });

  test('show an error that came before any figure alone', () => {
    const { screen, output } = show('dots');
    output.finish({ error: new RespError('ECONNREFUSED', 'Cannot connect') });
    assert.equal(screen.all, 'rump: Cannot connect\n');
  });

  test('keep a line of their own on a terminal', () => {
    const { screen, output } = show('dots', true);
    for (const event of [BATCH, BATCH, WARNING, BATCH]) output.onEvent(event);
    output.finish({ result: DONE });
    assert.equal(screen.all, `..\nrump: warning: the clocks are \\x1b 2 s apart\n.Sync done.\n${SUMMARY}`);
    assert.equal(screen.stdout.text, '...Sync done.\n');
  });

  test('say what an interruption does', () => {
    const { screen, output } = show('dots');
    output.onInterrupt('SIGINT');
    output.onEvent(progress(1, DONE));
    output.finish({ error: new Interrupted('SIGINT') });
    assert.equal(
      screen.stderr.text,
      `rump: interrupted by Ctrl-C; stopping (again to stop at once)\n${SUMMARY}rump: Stopped by Ctrl-C before everything was copied\n`,
    );
  });
});

describe('Failed keys', () => {
  test('are shown up to twenty, the others are counted', () => {
    const { screen, output } = show('dots');
    for (let i = 1; i <= 2021; i++) output.onEvent(keyFailed(`key${i}`));
    output.finish({ result: { ...DONE, failed: 2021 } });
    const lines = screen.stderr.text.split('\n');
    assert.equal(lines.filter((line) => line.startsWith('rump: key "')).length, 20);
    assert.equal(lines[20], 'rump: … and 2,001 more keys failed');
    assert.equal(lines[22], 'rump: 2,021 keys were not copied');
  });

  test('are cut when they are long', () => {
    const { screen, output } = show('dots');
    output.onEvent(keyFailed('x'.repeat(1_000_000)));
    assert.match(screen.stderr.text, /^rump: key "x{256}"… \(976\.6 KiB\) in db 3: BUSYKEY/);
  });
});

describe('Lost connections', () => {
  const LINE = 'rump: lost the source 10.0.0.1:6379: the connection was reset; trying again in 0.4 s (2 of 10)';

  test('are told of on stderr, with what comes next', () => {
    for (const style of ['dots', 'none', 'bar'] as const) {
      const { screen, output } = show(style, style === 'bar');
      output.onEvent(reconnect());
      assert.equal(screen.stderr.text, `${LINE}\n`);
      assert.equal(screen.stdout.text, '');
    }
  });

  test('are told of up to twenty times, the others are counted', () => {
    for (const [times, last] of [
      [20, LINE],
      [21, 'rump: … and tried again once more'],
      [2020, 'rump: … and tried again 2,000 times more'],
    ] as const) {
      const { screen, output } = show('dots');
      for (let i = 0; i < times; i++) output.onEvent(reconnect());
      output.finish({ result: { ...DONE, reconnects: times } });
      const lines = screen.stderr.text.split('\n');
      assert.equal(lines.filter((line) => line === LINE).length, 20);
      assert.equal(lines.at(-3), last);
      assert.match(lines.at(-2)!, /, 0 failed, [\d,]+ reconnects$/);
    }
  });

  test('do not pass on what a terminal would obey', () => {
    const { screen, output } = show('dots');
    output.onEvent({ ...reconnect(), reason: 'ERR \u001B[2J', address: '/tmp/\n' });
    assert.match(screen.stderr.text, /^rump: lost the source \/tmp\/\\x0a: ERR \\x1b\[2J;/);
  });
});

test('Where stdout is the target no word goes there', () => {
  for (const [style, isTTY] of [
    ['auto', false],
    ['auto', true],
    ['none', false],
    ['bar', true],
    ['silent', false],
  ] as const) {
    const { screen, output } = show(style, isTTY, { stdoutTaken: true });
    for (const event of [START, BATCH, progress(0.5, DONE), WARNING, keyFailed('k')]) output.onEvent(event);
    output.onInterrupt('SIGINT');
    output.finish({ result: DONE });
    assert.equal(screen.stdout.text, '', style);
    if (style !== 'silent') assert.ok(screen.stderr.text.endsWith(`rump: Sync done.\n${SUMMARY}`), style);
  }
  const { screen, output } = show('auto', false, { stdoutTaken: true });
  output.finish({ result: { ...DONE, failed: 1 } });
  assert.doesNotMatch(screen.all, /Sync done/);
});

test('Without progress there are the closing words and the summary', () => {
  for (const isTTY of [false, true]) {
    const { screen, output } = show('none', isTTY);
    for (const event of [START, BATCH, progress(0.5), WARNING]) output.onEvent(event);
    output.finish({ result: DONE });
    assert.equal(screen.stdout.text, 'Sync done.\n');
    assert.equal(screen.stderr.text, `rump: warning: the clocks are \\x1b 2 s apart\n${SUMMARY}`);
  }
});

describe('Silence', () => {
  test('is complete when everything was copied', () => {
    const { screen, output } = show('silent', true);
    for (const event of [START, BATCH, progress(0.5), WARNING, { type: 'done', ...DONE } as const])
      output.onEvent(event);
    output.finish({ result: DONE });
    assert.equal(screen.all, '');
  });

  test('is broken by errors, on stderr', () => {
    const { screen, output } = show('silent');
    output.onEvent(progress(0.5, DONE));
    output.onEvent(keyFailed('k'));
    output.onInterrupt('SIGTERM');
    output.finish({ error: new Interrupted('SIGTERM') });
    assert.equal(screen.stdout.text, '');
    assert.equal(
      screen.stderr.text,
      'rump: key "k" in db 3: BUSYKEY Target key name already exists\nrump: Stopped by SIGTERM before everything was copied\n',
    );
  });
});

describe('A dry run', () => {
  const result = NONE;

  test('reports what it found on stderr, and does not say that anything is done', () => {
    for (const style of ['auto', 'dots', 'none', 'bar'] as const) {
      const { screen, output } = show(style, style === 'bar', { dryRun: true });
      for (const event of [START, WARNING, DRY_RUN, { type: 'done', ...result } as const]) output.onEvent(event);
      output.finish({ result });
      assert.equal(screen.stdout.text, '');
      assert.deepEqual(screen.stderr.text.split('\n'), [
        'rump: source redis://:***@a:1: server, 1,000,000 keys',
        'rump:   10.0.0.1:6379  redis 7.0.15  replica  117.3 MiB  of no limit',
        'rump: target redis://b:2/1: cluster of 2 nodes, 0 keys',
        'rump:   10.0.0.1:7001  valkey 8.1.4  primary  1.4 MiB  of 1.9 GiB',
        'rump:   10.0.0.2:7002  valkey 8.1.4  primary  1.4 MiB  of 1.9 GiB',
        'rump:   in all 2.9 MiB of 3.7 GiB',
        'rump: databases: 0 to 1',
        'rump: expiries: to the millisecond; the clocks are 12 ms apart',
        'rump: warning: the clocks are \\x1b 2 s apart',
        'rump: type      keys  memory (estimated)',
        'rump: string  12,000             1.3 MiB',
        'rump: hash       346            87.9 KiB',
        'rump: total   12,346             1.4 MiB',
        'rump: nothing was written, as --dry-run asks',
        '',
      ]);
    }
  });

  test('shows as many nodes and databases as fit, and says how many there are', () => {
    const { screen, output } = show('none', false, { dryRun: true });
    const nodes = Array.from({ length: 100 }, (_, i) => nodeAt(i + 1));
    const databases = Array.from({ length: 16 }, (_, db) => [db, db + 1] as const);
    output.onEvent({ ...START, source: { ...START.source, kind: 'cluster', nodes }, databases, clockSkew: null });
    const lines = screen.stderr.text.split('\n');
    assert.ok(lines.length < 25, screen.stderr.text);
    assert.equal(lines[0], 'rump: source redis://:***@a:1: cluster of 100 nodes, 1,000,000 keys');
    assert.match(lines[12]!, /^rump: {3}10\.0\.0\.12:7012 /);
    assert.equal(lines[13], 'rump:   … and 88 more; in all 143.1 MiB of 186.3 GiB');
    assert.match(screen.stderr.text, /databases: 0 to 1, .*, 7 to 8, … and 8 more\n/);
    assert.match(screen.stderr.text, /expiries: to the millisecond\n/);
  });

  test('does not add up limits where a node has none', () => {
    const { screen, output } = show('none', false, { dryRun: true });
    const nodes = [nodeAt(1), { ...nodeAt(2), usedMemory: 150_000_000, maxMemory: 0 }];
    output.onEvent({ ...START, target: { ...START.target, nodes }, expiry: 'dropped' });
    assert.match(screen.stderr.text, / primary {4}1\.4 MiB {2}of 1\.9 GiB\n.* primary {2}143\.1 MiB {2}of no limit\n/);
    assert.match(screen.stderr.text, / in all 144\.5 MiB of no limit\n/);
    assert.match(screen.stderr.text, / expiries: dropped;/);
  });

  test('has a file without nodes', () => {
    const { screen, output } = show('none', false, { dryRun: true });
    output.onEvent({ ...START, target: { endpoint: 'x.resp', kind: 'file', nodes: [], keys: 0 } });
    assert.match(screen.stderr.text, /^rump: target x\.resp: file\nrump: databases/m);
  });

  test('says where the source would not tell of its memory', () => {
    const { screen, output } = show('none', false, { dryRun: true });
    output.onEvent({
      ...DRY_RUN,
      types: [...DRY_RUN.types, { type: 'ReJSON-RL\u001B', keys: 1, bytes: null }],
    });
    const lines = screen.stderr.text.split('\n');
    assert.match(lines[3]!, /^rump: ReJSON-RL\\x1b +1 +unknown$/);
    assert.match(lines[4]!, /^rump: total +12,347 +at least 1\.4 MiB$/);
  });

  test('says nothing in silence', () => {
    const { screen, output } = show('silent', true, { dryRun: true });
    for (const event of [START, WARNING, reconnect(), DRY_RUN]) output.onEvent(event);
    output.finish({ result });
    assert.equal(screen.all, '');
  });

  test('that could not look says why, and that is all', () => {
    const { screen, output } = show('auto', false, { dryRun: true });
    output.finish({ error: new RespError('ECONNREFUSED', 'Cannot connect') });
    assert.equal(screen.all, 'rump: Cannot connect\n');
  });
});

test('Not all is said to be on the target while a key is not', () => {
  const failure = keyFailed('a');
  const recovery = { type: 'key-recovered', db: 3, key: Buffer.from('a') } as const;
  const linger = { type: 'phase', phase: 'lingering' } as const;
  for (const [events, words] of [
    [[failure, linger], 'all but what has failed is on the target'],
    [[failure, recovery, linger], 'all is on the target'],
  ] as const) {
    const { screen, output } = show('none');
    for (const event of events) output.onEvent(event);
    assert.ok(screen.stderr.text.endsWith(`rump: ${words}; looking for whoever still writes\n`), screen.stderr.text);
  }
});

test('Without a dry run nothing is told of the look at both sides', () => {
  const { screen, output } = show('auto');
  output.onEvent(START);
  assert.equal(screen.all, '');
});
