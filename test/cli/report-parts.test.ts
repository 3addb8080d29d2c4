// Which runs rump report takes for which part, and which of them count.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { complete, done, exit, logOf, reportOn, started, type Line, ZERO } from '../support/run-log.ts';

test('rump report takes the last run of a part, in whatever file and order it comes', async (t) => {
  const killed = logOf([started('1/2'), { event: 'progress', fraction: 0.5, keys: 5, ...ZERO, elapsed: 5 }]);
  const again = logOf(
    [{ event: 'warning', code: 'RESUMED', message: 'goes on' }, started('1/2'), done(10), exit(0)],
    10,
  );
  const other = complete('2/2', 10);
  for (const files of [
    { a: killed + again, b: other },
    { a: again, b: killed, c: other },
    { a: killed, b: other, c: again },
  ]) {
    const { code, stdout, stderr } = await reportOn(t, files);
    assert.deepEqual([code, stderr], [0, ''], stdout);
    assert.match(stdout, /^all +complete +20 /m);
  }
  // Without an exit code, as --json has none.
  const broken = logOf([started('1/2'), { event: 'error', code: 'CLOSED', message: 'the connection was lost' }]);
  const json = await reportOn(t, { a: broken + logOf([started('1/2'), done(10)], 10), b: other });
  assert.deepEqual([json.code, json.stderr], [0, '']);
  const worse = await reportOn(t, {
    a: again + logOf([{ event: 'error', code: 'WRONGPASS', message: 'no' }, exit(1)], 20),
    b: other,
  });
  assert.equal(worse.code, 1);
  assert.equal(worse.stderr, 'rump: part 1/2 (a): no\n');
});

test('rump report takes a run that was refused before it began for one of its part, whatever came before and behind it', async (t) => {
  const error = { event: 'error', code: 'NOPERM', message: 'no' };
  const refused = (part: string, more: Line = {}): Line[] => {
    const { partition } = started(part, 'p');
    return [error, exit(1)].map((line) => ({ ...line, ...more, partition }));
  };
  const [one, two] = ['1/2', '2/2'].map((part) => logOf([started(part, 'p'), done(10), exit(0)], 20)) as [
    string,
    string,
  ];
  for (const [what, files] of [
    ['in its file', { a: logOf(refused('1/2')) + one, b: two }],
    ['in a file of its own', { x: logOf(refused('1/2')), a: one, b: two }],
    ['by the output of --json', { x: logOf(refused('2/2').slice(0, 1)), a: one, b: two }],
    ['by a log that does not say so', { a: logOf([error, error, exit(1)]) + one, b: two }],
    ['among those of other parts', { a: logOf(refused('2/2')) + logOf(refused('1/2').slice(0, 1)) + one + two }],
    ['as one is killed', { a: logOf([started('1/2', 'p'), ...refused('2/2')]) + one + two }],
  ] as const) {
    const { code, stderr, stdout } = await reportOn(t, files);
    assert.deepEqual([code, stderr], [0, ''], `${what}: ${stdout}`);
  }
  // Put together: it is not the part that stands before it.
  const { code, stderr } = await reportOn(t, { a: one + two + logOf(refused('1/2', { message: 'late' }), 40) });
  assert.deepEqual([code, stderr], [1, 'rump: part 1/2 (a): late\n']);
});
