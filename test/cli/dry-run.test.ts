// A run that writes nothing: what it found is its result, and no closing words may claim more.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RespError } from '../../resp/errors.ts';
import { DRY_RUN, nodeAt, NONE, reconnect, START, WARNING } from './events.ts';
import { show } from './show.ts';

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

test('Without a dry run nothing is told of the look at both sides', () => {
  const { screen, output } = show('auto');
  output.onEvent(START);
  assert.equal(screen.all, '');
});
