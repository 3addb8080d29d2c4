// The page of a run as text: what it says, and that nothing in it is obeyed. test/integration/report-page.test.ts looks at it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentOf, pageOf } from '../../../src/report/page.ts';
import type { MigrateResult } from '../../../src/sync/options.ts';
import type { RunOutcome, RunState } from '../../../src/report/run-state.ts';
import { verdictOf } from '../../../src/report/verdict.ts';
import { DONE, DRY_RUN, progress, START } from '../../cli/show/events.ts';
import { COMPARED, followedRun, reportedRun } from '../../support/reported-run.ts';

const COMPLETE: RunOutcome = { exitCode: 0, isComplete: true, text: '' };

function ended(
  outcome: RunOutcome,
  command: RunState['command'] = 'copy',
  options: RunState['options'] = [],
): RunState {
  const run = reportedRun(command, options);
  run.tell(0, START);
  run.tell(500, progress(0.5, { keys: 5 }));
  run.record.finish(outcome);
  return run.state;
}

/** No server was reached. */
function unbegun(outcome: RunOutcome): RunState {
  const run = reportedRun();
  run.record.finish(outcome);
  return run.state;
}

/** It has come to its end. */
function copied(outcome: RunOutcome, figures: Partial<MigrateResult>): RunState {
  const run = reportedRun();
  run.tell(500, START, { type: 'done', ...DONE, ...figures });
  run.record.finish(outcome);
  return run.state;
}

/** With the check behind it. */
function verified(outcome: RunOutcome): RunState {
  const run = reportedRun();
  run.tell(500, START, { type: 'done', ...DONE }, START, { type: 'check-progress', fraction: 0.5, ...COMPARED });
  run.record.finish(outcome);
  return run.state;
}

function broken(exitCode: number, hint?: string): RunOutcome {
  return { exitCode, isComplete: false, text: 'why', hint };
}

test('pageOf() is one document that loads nothing, has no script, and tells a browser to keep to that', () => {
  const page = pageOf(followedRun(COMPLETE));
  assert.match(page, /^<!doctype html>\s*<html lang="en">/);
  assert.match(
    page,
    /http-equiv="Content-Security-Policy"\s+content="default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;;/,
  );
  assert.doesNotMatch(page, /<(?:script|img|link|iframe|object|embed|base|form)\b/i);
  assert.doesNotMatch(page, /\b(?:src|href|action|on\w+)\s*=\s*"/i);
  assert.doesNotMatch(page, /url\(|@import/);
  assert.deepEqual(page.match(/<\/?(?:style|html|head|body|main)\b/g), [
    '<html',
    '<head',
    '<style',
    '</style',
    '</head',
    '<body',
    '<main',
    '</main',
    '</body',
    '</html',
  ]);
});

test('contentOf() escapes whatever a key, a server or an operator has said', () => {
  const content = contentOf(followedRun(COMPLETE));
  for (const hostile of [
    '<img',
    '<script',
    '</style',
    '<svg onload',
    '</td>\n</td>',
    '\u202E',
    '\0',
    '\u001B',
    "' onmouseover",
  ])
    assert.ok(!content.includes(hostile), JSON.stringify(hostile));
  assert.ok(content.includes('&lt;img src=x onerror=window.broken=1&gt;'));
  assert.ok(content.includes('&amp;lt;b&amp;gt;'));
  assert.ok(content.includes('\\xe2\\x80\\xae'));
});

test('pageOf() leaves the policy of a page with a script to whoever serves it', () => {
  const page = pageOf(followedRun(), 'go()');
  assert.doesNotMatch(page, /http-equiv/);
  assert.match(page, /<script>go\(\)<\/script>\s*<\/body>/);
});

test('verdictOf() says in a headline what a run has come to, and what can be done', () => {
  const cases: readonly (readonly [RunState, string, string, RegExp?])[] = [
    [ended(COMPLETE), 'good', 'Everything was copied'],
    [ended(COMPLETE, 'check'), 'good', 'Both sides are equal'],
    [followedRun(COMPLETE, 3), 'good', 'Everything was copied, and it compares equal'],
    [ended(broken(1)), 'bad', 'Not everything was copied'],
    [ended(broken(3)), 'bad', 'Copied, but the two sides are not the same'],
    [ended(broken(3), 'check'), 'bad', 'The two sides are not the same'],
    [ended(broken(1), 'check'), 'bad', 'Not everything could be compared'],
    [ended(broken(75, 'start it')), 'bad', 'The copy broke off, for a reason that may pass', /^start it\. .*--resume/],
    [
      ended(broken(75), 'copy', [['--resume', 'f']]),
      'bad',
      'The copy broke off, for a reason that may pass',
      /^The same command goes on/,
    ],
    [ended(broken(130)), 'warn', 'The copy was interrupted', /--resume/],
    [ended(broken(130), 'copy', [['--dry-run', 'on']]), 'warn', 'The copy was interrupted', /^Run it again$/],
    [ended(broken(130), 'copy', [['--first-copy', 'snapshot']]), 'warn', 'The copy was interrupted', /^Run it again$/],
    [unbegun(broken(130)), 'warn', 'The copy was interrupted', /^Run it again$/],
    [copied(broken(1), { failed: 1 }), 'bad', 'Not everything was copied'],
    [
      copied(broken(1), { stragglers: 1 }),
      'bad',
      'Everything was copied, but the source was written after the cutover',
    ],
    [copied(broken(1), { doubtful: 1 }), 'bad', 'Everything was copied, but the target has keys that may be its own'],
    [verified(broken(1)), 'bad', 'Everything was copied, but not all of it was compared'],
    [verified(broken(3)), 'bad', 'Copied, but the two sides are not the same'],
    [
      verified(broken(130)),
      'warn',
      'Everything was copied, but the check was interrupted',
      /^Compare with rump check$/,
    ],
    [
      verified(broken(75)),
      'bad',
      'Everything was copied, but the check broke off, for a reason that may pass',
      /^Compare with rump check$/,
    ],
    [ended(broken(143), 'check'), 'warn', 'The check was interrupted', /^Run it again$/],
  ];
  for (const [state, tone, title, hint] of cases) {
    const verdict = verdictOf(state);
    assert.deepEqual([verdict.tone, verdict.title], [tone, title]);
    if (hint !== undefined) assert.match(verdict.hint!, hint);
    assert.ok(contentOf(state).includes(`<h1>${title}</h1>`));
  }
});

test('verdictOf() of a run that goes on names its phase, and what it waits for', () => {
  const run = reportedRun();
  assert.equal(verdictOf(run.state).title, 'Both sides are being looked at');
  run.tell(0, START);
  assert.equal(verdictOf(run.state).title, 'Keys are being copied');
  run.tell(0, { ...progress(0.2), paused: true });
  assert.equal(verdictOf(run.state).status, 'Paused');
});

test('contentOf() of a copy that has written nothing has what a copy would bring, and no figures of one', () => {
  const run = reportedRun();
  run.tell(0, START, DRY_RUN);
  run.record.finish(COMPLETE);
  const content = contentOf(run.state);
  assert.match(content, /What a copy would bring/);
  assert.match(content, />12,000</);
  assert.doesNotMatch(content, /keys copied/);
});

test('contentOf() says whether a run has gone on from an earlier part, and lists how it was asked', () => {
  const run = reportedRun('copy', [['--resume', '/tmp/a&b']]);
  run.tell(0, START);
  run.tell(100, progress(0.5, { ...DONE, resumed: true }));
  const content = contentOf(run.state);
  assert.match(content, /goes on from an earlier part/);
  assert.doesNotMatch(content, /<dt>reconnects<\/dt>/);
  assert.ok(content.includes('<code>/tmp/a&amp;b</code>'));
});

test('contentOf() has the connections that a check has lost among its figures, and those of the copy before it', () => {
  const [check, copy] = [reportedRun('check'), reportedRun()];
  copy.tell(0, START, { type: 'done', ...DONE, reconnects: 2 });
  for (const run of [check, copy]) run.tell(0, START, { type: 'checked', ...COMPARED, reconnects: 3 });
  assert.match(contentOf(check.state), /<dt>reconnects<\/dt>\s*<dd>3<\/dd>/);
  assert.match(contentOf(copy.state), /<dt>reconnects<\/dt>\s*<dd>5<\/dd>/);
});

test('contentOf() of a run that has just begun has no charts and no tables', () => {
  const content = contentOf(reportedRun('copy', [['--from', 'redis://a']]).state);
  assert.doesNotMatch(content, /<table|<figure/);
  assert.match(content, /redis:\/\/a/);
});
