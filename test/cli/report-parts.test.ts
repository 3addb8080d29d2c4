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

/** A run of a part, and what it has reached. */
function reached(part: string, sides: Readonly<Record<string, unknown>>, begin = 0): string {
  return logOf([{ ...started(part), ...sides }, done(10), exit(0)], begin);
}

function cluster(...ids: string[]): Line {
  return { kind: 'cluster', ids };
}

test('rump report says where the parts have not all gone from one source to one target', async (t) => {
  const [old, other] = [cluster('aaaa11112222', 'bb'), cluster('cc', 'dd')];
  const server = { kind: 'server', ids: ['run', 'replication'] };
  const cases: readonly (readonly [what: string, one: Line, two: Line, fault?: string])[] = [
    ['two nodes of a cluster', { to: 'redis://a:1', target: old }, { to: 'redis://a:2', target: old }],
    ['a node that has gone', { target: old }, { to: 'redis://x', target: cluster('bb', 'ee') }],
    ['two names of a server', { to: 'redis://a', target: server }, { to: 'redis://localhost', target: server }],
    ['a server that was restarted', { target: server }, { target: { kind: 'server', ids: ['new'] } }],
    ['a log that does not say', { to: 'redis://b', target: old }, { target: { kind: 'cluster' } }],
    [
      'databases of one part alone',
      { databases: [[0, 0]] },
      {
        databases: [
          [0, 0],
          [3, 3],
        ],
      },
    ],
    [
      'another target',
      { to: 'redis://a', target: old },
      { to: 'redis://c', target: other },
      'the target of 1/2 is redis://a (aaaa1111), and that of 2/2 is redis://c (cc)',
    ],
    [
      'another target of the same name',
      { target: old },
      { target: other },
      'the target of 1/2 is redis://b (aaaa1111), and that of 2/2 is redis://b (cc)',
    ],
    [
      'another target, in logs that tell the address alone',
      {},
      { to: 'redis://c' },
      'the target of 1/2 is redis://b, and that of 2/2 is redis://c',
    ],
    [
      'another source',
      { source: old },
      { from: 'redis://c', source: other },
      'the source of 1/2 is redis://a (aaaa1111), and that of 2/2 is redis://c (cc)',
    ],
    [
      'another database',
      { databases: [[3, 0]] },
      {
        databases: [
          [0, 0],
          [3, 3],
        ],
      },
      '1/2 has database 3 in 0, and 2/2 has it in 3',
    ],
    ['the same scope', { scope: { db: '0', match: 'a:*' } }, { scope: { match: 'a:*', db: '0' } }],
    ['a scope that a log does not tell', { scope: { db: '0', match: 'a:*' } }, {}],
    [
      'a scope that is none',
      { scope: { db: { toString: 1 } } },
      { scope: { db: '0' } },
      '1/2 has no --db, and 2/2 has --db 0',
    ],
    [
      'other names of keys in scope',
      { scope: { db: '0', match: 'a:*' } },
      { scope: { db: '0', match: 'b:*' } },
      '1/2 has --match a:*, and 2/2 has --match b:*',
    ],
    [
      'a type of one part alone',
      { scope: { db: '0' } },
      { scope: { db: '0', type: 'hash' } },
      '1/2 has no --type, and 2/2 has --type hash',
    ],
    [
      'names that differ behind what is kept of them',
      { scope: { exclude: 'x'.repeat(400) } },
      { scope: { exclude: `${'x'.repeat(399)}y` } },
      `1/2 has --exclude ${'x'.repeat(300)}… (7b0bd700), and 2/2 has --exclude ${'x'.repeat(300)}… (990ac4d9)`,
    ],
  ];
  for (const [what, one, two, fault] of cases) {
    const { code, stdout, stderr } = await reportOn(t, { a: reached('1/2', one), b: reached('2/2', two) });
    const said = fault === undefined ? '' : `rump: the logs do not belong together: ${fault}\n`;
    assert.deepEqual([code, stderr], [fault === undefined ? 0 : 1, said], what);
    assert.match(stdout, fault === undefined ? /^all +complete /m : /^all +not complete /m);
  }
  // Who ran with it first does not count once it was put right.
  const wrong = reached('1/2', { to: 'redis://c', target: other });
  const right = reached('1/2', { target: old }, 20);
  assert.equal((await reportOn(t, { a: wrong + right, b: reached('2/2', { target: old }) })).code, 0);
});

/** A copy of a part that takes 22 seconds. */
function longRun(part: string, begin = 0): string {
  const progress = Array.from({ length: 20 }, (_, keys) => ({
    event: 'progress',
    fraction: 0.1,
    keys,
    ...ZERO,
    elapsed: keys,
  }));
  return logOf([started(part), ...progress, done(10), exit(0)], begin);
}

test('rump report warns of two workers that had one part at the same time, and not of one behind another', async (t) => {
  const [first, twin, next, other] = [longRun('1/2'), longRun('1/2', 10), longRun('1/2', 22), longRun('2/2', 5)];
  const both = await reportOn(t, { a: first, b: twin, c: other });
  assert.deepEqual(
    [both.code, both.stderr],
    [
      0,
      'rump: warning: two workers had part 1/2 at the same time: a and b: each of them has copied all of it, so nothing is lost by that\n',
    ],
  );
  const { overlaps } = JSON.parse((await reportOn(t, { b: twin, a: first, c: other }, '--json')).stdout) as Line;
  assert.equal(
    JSON.stringify(overlaps).replaceAll(/[^"]*\/(?=[ab]")/g, ''),
    '[{"run":"1/2","files":["b","a"],"complete":true}]',
  );
  const killed = await reportOn(t, {
    a: first.slice(0, first.indexOf('{"time":"1970-01-01T00:00:20')),
    b: twin,
    c: other,
  });
  assert.deepEqual(
    [killed.code, killed.stderr],
    [
      0,
      'rump: warning: two workers had part 1/2 at the same time: a and b: not both came to their end; rump check says whether the part is the same on both sides\n',
    ],
  );
  assert.equal((await reportOn(t, { a: first, b: next, c: other })).stderr, '');
  const check = logOf([started('1/2'), ...Array.from({ length: 20 }, () => ({ event: 'recheck' })), exit(0)]);
  assert.equal((await reportOn(t, { x: check, a: first, c: other })).stderr, '', 'a check beside it');
});
