// The progress line: what fits on it, what its figures mean, and when it is drawn.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { Bar, BarOutput, type BarFigures } from '../../../src/cli/show/progress.ts';
import { openOutput } from '../../../src/cli/run.ts';
import { BATCH, DONE, progress, SUMMARY, WARNING } from './events.ts';
import { OPTIONS, Screen, show } from './screen.ts';

const HALF: BarFigures = {
  fraction: 0.5,
  keys: 450_000,
  bytes: 38_000_000,
  converted: 0,
  skipped: 0,
  expired: 0,
  failed: 2,
  reconnects: 0,
  elapsed: 4000,
};

function render(columns: number, ...history: BarFigures[]): string {
  const bar = new Bar();
  for (const figures of history) bar.update(figures);
  return bar.render(columns);
}

test('Bar.render() shows everything where there is room', () => {
  assert.equal(
    render(200, HALF),
    '[###############---------------]   50%  450,000 keys  36.2 MiB  113,000 keys/s  9.1 MiB/s  ETA 4.0 s  2 failed',
  );
});

test('Bar.render() tells the phase of a copy that follows its source', () => {
  const [behind, lag] = [1200, 430];
  for (const [phase, text] of [
    ['attaching', 'waiting for the source'],
    ['copying', 'copying 50%'],
    ['following', 'following: 1,200 keys behind, 0.4 s'],
    ['in-sync', 'in sync'],
    ['cutover', 'cutting over: 1,200 keys left'],
    ['lingering', 'looking for writers'],
  ] as const) {
    const line = render(200, { ...HALF, live: { phase, behind, lag } });
    assert.match(line, new RegExp(`^\\[[#-]+\\] {2}${text} {2}450,000 keys `));
    assert.equal(line.includes('ETA'), phase === 'copying');
  }
});

test('Bar.render() shows reconnects where there were any', () => {
  assert.match(render(200, { ...HALF, reconnects: 1 }), / {2}2 failed {2}1 reconnect$/);
  assert.match(render(200, { ...HALF, reconnects: 3 }), / {2}2 failed {2}3 reconnects$/);
  const narrow = render(90, { ...HALF, reconnects: 3 });
  assert.match(narrow, /3 reconnects$/);
  assert.doesNotMatch(narrow, /MiB/);
});

test('Bar.render() leaves out the least important first', () => {
  for (const [columns, line] of [
    [82, '[#######--------]   50%  450,000 keys  36.2 MiB  113,000 keys/s  ETA 4.0 s  2 failed'],
    [52, '[###---]   50%  450,000 keys  ETA 4.0 s  2 failed'],
    [42, ' 50%  450,000 keys  ETA 4.0 s  2 failed'],
    [20, ' 50%  2 failed'],
  ] as const) {
    const drawn = render(columns, HALF);
    assert.deepEqual(drawn.replace(/^\[[#-]+\]/, ''), line.replace(/^\[[#-]+\]/, ''));
    assert.equal(drawn.startsWith('['), line.startsWith('['));
  }
});

test('Bar.render() leaves room for the echo of Ctrl-C before the last column', () => {
  for (let columns = 20; columns < 150; columns++) assert.ok(render(columns, HALF).length <= columns - 3);
  const count = fc.nat({ max: 10 ** 12 });
  const figures = fc.record({
    fraction: fc.double({ min: 0, max: 1, noNaN: true }),
    keys: count,
    bytes: count,
    converted: count,
    skipped: count,
    expired: count,
    failed: count,
    reconnects: count,
    elapsed: fc.nat({ max: 10 ** 9 }),
  });
  fc.assert(
    fc.property(fc.integer({ min: 20, max: 300 }), figures, (columns, figures) => {
      const line = render(columns, figures);
      assert.ok(line.length <= columns - 3, line);
      assert.match(line, /\d%/);
    }),
  );
});

test('Bar.render() gives the rates of the last seconds', () => {
  const history = [0, 2000, 4000, 6000, 8000, 10_000].map((elapsed): BarFigures => {
    const keys = elapsed <= 4000 ? elapsed * 100 : 400_000;
    return { ...HALF, elapsed, keys, bytes: keys * 10, failed: 0 };
  });
  assert.match(render(200, ...history.slice(0, 3)), / 100,000 keys\/s {2}976\.6 KiB\/s /);
  assert.match(render(200, ...history), / 0 keys\/s {2}0 B\/s /);
});

test('Bar.render() estimates no end in the first second, and shows 100% only when done', () => {
  assert.doesNotMatch(render(200, { ...HALF, elapsed: 500 }), /ETA/);
  assert.doesNotMatch(render(200, { ...HALF, fraction: 0 }), /ETA/);
  assert.match(render(200, { ...HALF, fraction: 0.9999 }), / 99% /);
  assert.match(render(200, { ...HALF, fraction: 1 }), /^\[#{30}\] {2}100% .* ETA 0\.0 s/);
});

describe('BarOutput', () => {
  const CLEAR = '\r\u001B[K';

  test('draws on stderr, removes itself at the end, and prints only the closing words to stdout', () => {
    const { screen, output } = show('auto', true);
    output.onEvent(BATCH);
    output.onEvent(progress(0.5, DONE));
    assert.ok(screen.stderr.text.startsWith(CLEAR));
    assert.match(screen.stderr.text.slice(CLEAR.length), /^\[#+-+\] +50% {2}1,000,000 keys .* ETA 5\.4 s$/);
    output.finish({ result: DONE });
    assert.ok(screen.stderr.text.endsWith(`${CLEAR}${SUMMARY}`));
    assert.equal(screen.stdout.text, 'Sync done.\n');
  });

  test('is not drawn where it could not be redrawn', () => {
    for (const [style, isTTY, term, dots] of [
      ['auto', false, 'xterm', '.'],
      ['auto', true, 'dumb', '.'],
      ['bar', false, 'xterm', ''],
    ] as const) {
      const screen = new Screen(isTTY);
      const output = openOutput(style, OPTIONS, screen, { TERM: term });
      output.onEvent(BATCH);
      output.onEvent(progress(0.5, DONE));
      assert.equal(screen.all, dots);
    }
  });

  test('makes way for a line in words', () => {
    const { screen, output } = show('bar', true);
    output.onEvent(progress(0.5, DONE));
    const drawn = screen.all;
    output.onEvent(WARNING);
    output.onEvent(WARNING);
    const line = 'rump: warning: the clocks are \\x1b 2 s apart\n';
    assert.equal(screen.all, `${drawn}${CLEAR}${line}${line}`);
  });

  test('is not drawn again once the run was interrupted', () => {
    const { screen, output } = show('bar', true);
    output.onInterrupt('SIGINT');
    output.onEvent(progress(0.5, DONE));
    assert.doesNotMatch(screen.all, /%/);
  });

  test('is drawn at most ten times a second, as wide as the terminal is then', () => {
    let now = 0;
    const screen = new Screen(true, 200);
    const output = new BarOutput(screen, OPTIONS, () => now);
    for (; now < 1000; now += 7) {
      screen.stderr.columns = now < 500 ? 200 : 30;
      output.onEvent(progress(now / 1000, { ...DONE, elapsed: now }));
    }
    const lines = screen.stderr.text.split(CLEAR).slice(1);
    assert.ok(lines.length >= 9 && lines.length <= 10, String(lines.length));
    assert.ok(lines[0]!.length > 60 && lines.at(-1)!.length < 30);
  });
});
