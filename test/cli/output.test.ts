// Each way to show a run, fed with events: what an operator or a program gets on stdout and on stderr.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RespError } from '../../resp/errors.ts';
import { BarOutput } from '../../src/cli/bar-output.ts';
import { Interrupted } from '../../src/cli/interrupted.ts';
import { openOutput } from '../../src/cli/open-output.ts';
import { BATCH, DONE, keyFailed, progress, reconnect, START, SUMMARY, WARNING } from './events.ts';
import { Screen } from './screen.ts';
import { OPTIONS, show } from './show.ts';

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
    const { screen, output } = show(style, isTTY, { toStdout: true });
    for (const event of [START, BATCH, progress(0.5, DONE), WARNING, keyFailed('k')]) output.onEvent(event);
    output.onInterrupt('SIGINT');
    output.finish({ result: DONE });
    assert.equal(screen.stdout.text, '', style);
    if (style !== 'silent') assert.ok(screen.stderr.text.endsWith(`rump: Sync done.\n${SUMMARY}`), style);
  }
  const { screen, output } = show('auto', false, { toStdout: true });
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

describe('BarOutput', () => {
  const CLEAR = '\r\u001B[K';

  test('draws on stderr and is gone in the end, and stdout gets the closing words only', () => {
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
