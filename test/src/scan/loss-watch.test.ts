// When a source lost keys, when it only went on as sources do, and what is asked before that is said.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LossWatch, lossOf, unreadOf, type Sight, type Verdict } from '../../../src/scan/loss-watch.ts';
import { parseInfo } from '../../../src/server/info.ts';
import type { Session } from '../../../src/server/session.ts';
import { RespError } from '../../../resp/errors.ts';

const KEYS = 1000;
/** A flush is counted by the third look. */
const COUNTED_AT = 3;

/** The server, as it is when it is asked; the number of the look comes with the question. */
interface State {
  readonly runId: string;
  readonly keys: number;
  readonly flushes?: (look: number) => number;
}

function sessionOf(stateOf: () => State): Session {
  let looks = 0;
  const info = (): string => `run_id:${stateOf().runId}\r\nrole:master\r\ndb0:keys=${stateOf().keys},expires=0\r\n`;
  return {
    peer: PEER,
    server: { info: parseInfo(info()), learntAt: performance.now(), topology: [] },
    selection: { use: () => {} },
    request: (name: string, section?: string) => {
      if (name === 'DBSIZE') return Promise.resolve(stateOf().keys);
      if (section === undefined) return Promise.resolve(Buffer.from(info()));
      const flushes = stateOf().flushes?.(++looks) ?? 0;
      const counts = `cmdstat_info:calls=${++calls}\r\ncmdstat_flushall:calls=${flushes}\r\n`;
      return Promise.resolve(Buffer.from(counts));
    },
  } as unknown as Session;
}

test('LossWatch counts names of old data no more where the server has others by now', async () => {
  let state: State = { runId: 'a', keys: KEYS };
  const session = sessionOf(() => state);
  const watch = new LossWatch();
  await watch.begin(session, 0);
  watch.onFound(0, KEYS);
  for (let i = 0; i < KEYS / 4; i++) watch.onGone(0);
  state = { runId: 'b', keys: KEYS };
  watch.beginAnew(0, await watch.begin(session, 0));
  watch.onFound(0, KEYS);
  for (let i = 0; i < KEYS / 4; i++) watch.onGone(0);
  assert.equal(await watch.lookBack(session), undefined);
});

test('LossWatch looks as often as a flush may need to be counted, however long it stood still meanwhile', async (t) => {
  let state: State = { runId: 'a', keys: KEYS };
  const session = sessionOf(() => state);
  const watch = new LossWatch();
  const first = await watch.begin(session, 0);
  state = { runId: 'a', keys: 0, flushes: (look) => (look > COUNTED_AT ? 1 : 0) };
  const last = await watch.look(session, 0);
  let now = performance.now();
  t.mock.method(performance, 'now', () => (now += 60_000));
  const error = await watch.lossOf(session, 0, first, KEYS / 2, last);
  assert.match(String(error?.message), /it was flushed or swapped meanwhile/);
});

const PEER = { host: 'db', port: 6379 };

interface Facts {
  readonly runId?: string;
  /** The primary of a replica. */
  readonly primary?: string;
  readonly expires?: number;
  readonly expired?: number;
  /** Hashes of which fields expire, and how many fields have. */
  readonly volatile?: number;
  readonly expiredFields?: number;
  /** How often FLUSHDB was called. */
  readonly flushdbs?: number;
  readonly resets?: number;
  /** What INFO says of database 5. */
  readonly other?: string;
}

/** Grows with each look, which is a command itself. */
let calls = 0;

/** @param flushalls how often FLUSHALL was called; `undefined` where no such thing is told */
function sight(keys: number, flushalls: number | undefined, facts: Facts = {}): Sight {
  const { runId = 'a', primary, expires = 0, expired = 0, flushdbs = 0, resets = 0, other } = facts;
  const { volatile = 0, expiredFields = 0 } = facts;
  const role = primary === undefined ? 'role:master\r\nmaster_replid:own' : `role:slave\r\nmaster_replid:${primary}`;
  const keyspace = `db0:keys=${keys},expires=${expires},avg_ttl=0,subexpiry=${volatile}\r\n${other === undefined ? '' : `db5:${other}\r\n`}`;
  const text = `run_id:${runId}\r\n${role}\r\nexpired_keys:${expired}\r\nexpired_subkeys:${expiredFields}\r\n${keyspace}`;
  const resetting = { isApart: true, calls: resets, time: resets };
  const others = { swaps: 0, demotions: 0, calls: ++calls, resetting };
  const flushes = flushalls === undefined ? undefined : { ofOne: flushdbs, ofMore: flushalls, ...others };
  return { info: parseInfo(text), keys, flushes };
}

const CASES: readonly (readonly [what: string, first: Sight, seen: number, last: Sight, isLoss: boolean])[] = [
  ['nothing happens', sight(1000, 0), 1000, sight(1000, 0), false],
  ['it is flushed in the middle', sight(1000, 0), 450, sight(0, 1), true],
  ['it is flushed near the end', sight(1000, 0), 990, sight(0, 1), true],
  ['it is flushed, and the counts begin anew', sight(1000, 0), 450, sight(0, 0, { resets: 1 }), true],
  ['it is swapped for one of few keys', sight(1000, 3), 600, sight(10, 4), true],
  ['another database is flushed', sight(1000, 0), 990, sight(985, 1), false],
  [
    'another database is flushed, and jobs are done and deleted',
    sight(1000, 0, { other: 'keys=50,expires=0' }),
    900,
    sight(550, 0, { flushdbs: 1 }),
    false,
  ],
  [
    'it is flushed and filled by a part, and another database loses its only key',
    sight(200_000, 0, { other: 'keys=1,expires=0' }),
    141_000,
    sight(50, 0, { flushdbs: 1 }),
    true,
  ],
  [
    'another database is flushed and filled by a part, and jobs are done and deleted',
    sight(1000, 0, { other: 'keys=50,expires=0' }),
    700,
    sight(600, 0, { flushdbs: 1, other: 'keys=10,expires=0' }),
    false,
  ],
  [
    'it is flushed and filled by a part, beside others that stay',
    sight(1000, 0, { other: 'keys=50,expires=0' }),
    450,
    sight(400, 0, { flushdbs: 1, other: 'keys=40,expires=0' }),
    true,
  ],
  [
    'it is flushed and filled by a part, and the keys of another database expire',
    sight(1000, 0, { other: 'keys=50,expires=50' }),
    450,
    sight(400, 0, { flushdbs: 1, expired: 50 }),
    true,
  ],
  [
    'it is flushed, and another database as well',
    sight(1000, 0, { other: 'keys=50,expires=0' }),
    450,
    sight(400, 0, { flushdbs: 2 }),
    true,
  ],
  [
    'it is emptied, and another database as well',
    sight(1000, 0, { other: 'keys=50,expires=0' }),
    450,
    sight(0, 0, { flushdbs: 1 }),
    true,
  ],
  [
    'all databases are flushed, and it is filled by a part',
    sight(1000, 0, { other: 'keys=50,expires=0' }),
    450,
    sight(400, 1),
    true,
  ],
  [
    'it is the only one, and is flushed and filled by a part',
    sight(1000, 0),
    450,
    sight(400, 0, { flushdbs: 1 }),
    true,
  ],
  ['jobs are done and deleted', sight(1000, 0), 300, sight(20, 0), false],
  [
    'all of its keys expire',
    sight(1000, undefined, { expires: 1000 }),
    100,
    sight(0, undefined, { expired: 1000 }),
    false,
  ],
  ['most keys go, and nobody knows why', sight(1000, undefined), 300, sight(20, undefined), true],
  ['it restarts without its keys', sight(1000, 0), 0, sight(0, 0, { runId: 'b' }), true],
  ['it restarts with half of them', sight(1000, 0), 500, sight(500, 0, { runId: 'b' }), true],
  ['it restarts without a few', sight(1000, 0), 950, sight(950, 0, { runId: 'b' }), false],
  ['it takes on the data of an empty primary', sight(1000, 0), 400, sight(0, 0, { primary: 'x' }), true],
  [
    'a replica is given to an emptier primary',
    sight(1000, 0, { primary: 'x' }),
    700,
    sight(700, 0, { primary: 'y' }),
    true,
  ],
  ['a replica goes on', sight(1000, 0, { primary: 'x' }), 300, sight(20, 0, { primary: 'x' }), false],
  ['its process has no name', sight(1000, 0, { runId: '' }), 700, sight(700, 0, { runId: '' }), false],
  [
    'all of its keys expire, and the counts begin anew',
    sight(1000, 0, { expires: 1000, expired: 5000 }),
    100,
    sight(0, 0, { resets: 1, expired: 10 }),
    false,
  ],
  [
    'its hashes go with their fields, and others are flushed',
    sight(1000, 0, { volatile: 900 }),
    300,
    sight(100, 1, { expiredFields: 3000 }),
    false,
  ],
  [
    'fields of a few hashes expire, and it is flushed',
    sight(1000, 0, { volatile: 10 }),
    300,
    sight(0, 1, { expiredFields: 3000 }),
    true,
  ],
  [
    'it restarts without hashes whose fields expire',
    sight(1000, 0, { volatile: 900 }),
    95,
    sight(95, 0, { runId: 'b' }),
    false,
  ],
  ['it restarts with them', sight(1000, 0), 1000, sight(1000, 0, { runId: 'b' }), false],
  ['it restarts without those that expire', sight(1000, 0, { expires: 900 }), 95, sight(95, 0, { runId: 'b' }), false],
];

function codeOf(verdict: Verdict): string | undefined {
  return verdict instanceof RespError ? verdict.code : undefined;
}

for (const [what, first, seen, last, isLoss] of CASES) {
  test(`lossOf() finds ${isLoss ? 'a' : 'no'} loss where ${what}`, () => {
    assert.equal(codeOf(lossOf(PEER, 0, first, seen, last)), isLoss ? 'SOURCE_SHRUNK' : undefined);
  });
}

test('lossOf() misses no keys that left with their slots, and those that stayed nonetheless', () => {
  const codes = [0, 0.5].map((share) => codeOf(lossOf(PEER, 0, sight(1000, 0), 300, sight(0, 1), share)));
  assert.deepEqual(codes, [undefined, 'SOURCE_SHRUNK']);
});

const UNREAD: readonly (readonly [what: string, before: Sight, gone: number, last: Sight, isLoss: boolean])[] = [
  ['it was flushed', sight(0, 0), 400, sight(0, 1), true],
  ['jobs were deleted', sight(0, 0), 400, sight(0, 0), false],
  ['others were flushed', sight(0, 0), 20, sight(0, 1), false],
  ['keys expired, and others were flushed', sight(0, 0), 400, sight(0, 1, { expired: 390 }), false],
  [
    'others were flushed, and jobs were deleted',
    sight(1000, 0, { other: 'keys=50,expires=0' }),
    400,
    sight(600, 0, { flushdbs: 1 }),
    false,
  ],
  [
    'it was flushed and filled by a part, beside others that stay',
    sight(1000, 0, { other: 'keys=50,expires=0' }),
    400,
    sight(600, 0, { flushdbs: 1, other: 'keys=50,expires=0' }),
    true,
  ],
  ['it came back empty', sight(0, 0), 400, sight(0, 0, { runId: 'b' }), true],
  ['it came back without those that expire', sight(0, 0, { expires: 400 }), 400, sight(0, 0, { runId: 'b' }), false],
  ['it does not tell of flushes, and a part is gone', sight(0, undefined), 400, sight(0, undefined), false],
  ['it does not tell of flushes, and most are gone', sight(0, undefined), 600, sight(0, undefined), true],
];

for (const [what, before, gone, last, isLoss] of UNREAD) {
  test(`unreadOf() finds ${isLoss ? 'a' : 'no'} loss where names were read before values, and ${what}`, () => {
    const error = unreadOf(PEER, 0, before, { found: 1000, gone }, last);
    assert.equal(codeOf(error), isLoss ? 'SOURCE_SHRUNK' : undefined);
  });
}
