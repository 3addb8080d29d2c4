// The plan of several workers as text, and the part that one of them has by it or without it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settingsOf } from '../../../src/sync/settings.ts';
import { formatPlan, parsePlan, partitionOf, type WorkersPlan } from '../../../src/sync/workers-plan.ts';

const PLAN: WorkersPlan = {
  rump: '2.0.0',
  plan: 1,
  source: { nodes: ['a1', 'b2'], slots: 16_384 },
  shares: [
    {
      slots: [
        [0, 5460],
        [9000, 9000],
      ],
      keys: 12,
      nodes: ['10.0.0.1:7000'],
    },
    {
      slots: [
        [5461, 8999],
        [9001, 16_383],
      ],
      keys: 0,
      nodes: [],
    },
  ],
};

function withShares(...shares: readonly unknown[]): string {
  return JSON.stringify({ ...PLAN, shares });
}

test('formatPlan() has a share a line, and parsePlan() reads it', () => {
  const text = formatPlan(PLAN);
  assert.match(text, /^ {4}\{"slots":\[\[0,5460\],\[9000,9000\]\],"keys":12,"nodes":\["10\.0\.0\.1:7000"\]\},$/m);
  assert.deepEqual(parsePlan(text, 'it'), PLAN);
});

test('parsePlan() refuses what is no plan, or does not have every slot once', () => {
  const [one, other] = PLAN.shares;
  const cases: readonly (readonly [text: string, why: RegExp])[] = [
    ['{"rump": "2.0', /it is not JSON/],
    ['[]', /it is no plan of rump/],
    ['{"format":"rump-checkpoint"}', /it is no plan of rump/],
    [JSON.stringify({ ...PLAN, plan: 2 }), /another version of rump has made it \(plan 2, and this one reads 1\)/],
    [JSON.stringify({ ...PLAN, source: {} }), /it does not say which cluster it is for/],
    [withShares(), /has no shares/],
    [withShares(one, { ...other, slots: [[5461, 16_384]] }), /share 2 has to have slots, keys and nodes/],
    [withShares(one, { ...other, slots: [[9000, 5461]] }), /share 2 has to have slots/],
    [withShares(one, { ...other, keys: '7' }), /share 2 has to have slots/],
    [withShares(one, { ...other, slots: [[5461, 16_383]] }), /slot 9000 is in share 2 and in another one/],
    [
      withShares(one, {
        ...other,
        slots: [
          [5461, 8999],
          [9001, 16_000],
        ],
      }),
      /no share has slots 16001-16383/,
    ],
  ];
  for (const [text, why] of cases)
    assert.throws(() => parsePlan(text, 'the plan p.json'), { code: 'PARTITION', message: why });
});

test('partitionOf() has the share of the part, and refuses a plan for another number of workers', () => {
  const { part, slots, nodeIds } = partitionOf({ part: 1, parts: 2, plan: PLAN }, 'followed');
  assert.deepEqual([part, slots.describe(), [...nodeIds!]], [1, '0-5460, 9000', ['a1', 'b2']]);
  assert.throws(() => partitionOf({ part: 2, parts: 3, plan: PLAN }, 'scanned'), {
    message: 'Cannot copy part 2 of 3: the plan is for 2 workers',
  });
  assert.throws(() => partitionOf({ part: 3, parts: 2 }, 'scanned'), { message: /there is no such part/ });
  assert.throws(() => partitionOf({ part: 1, parts: 20_000 }, 'scanned'), { message: /a cluster has 16,384 slots/ });
});

test('partitionOf() does not cut nodes through where all of them is sent, as where the source is followed', () => {
  assert.equal(partitionOf({ part: 2, parts: 2 }, 'scanned').slots.describe(), '8192-16383');
  assert.throws(() => partitionOf({ part: 2, parts: 2 }, 'followed'), {
    message: /without a plan, nodes are cut through/,
  });
  const cut = { ...PLAN, shares: PLAN.shares.map((share) => ({ ...share, cut: true })) };
  assert.equal(partitionOf({ part: 1, parts: 2, plan: cut }, 'scanned').slots.size, 5462);
  assert.throws(() => partitionOf({ part: 1, parts: 2, plan: cut }, 'followed'), {
    message: /the plan cuts a node of it/,
  });
  const sides = { from: 'redis://a', to: 'redis://b', partition: { part: 1, parts: 2, plan: cut } };
  assert.throws(() => settingsOf({ ...sides, firstCopy: 'snapshot' }, 'copy'), {
    code: 'PARTITION',
    message:
      'Cannot copy snapshots of part 1 of 2: the plan cuts a node of it through, and each worker would be sent all of it',
  });
  const whole = { ...sides, partition: { part: 1, parts: 2, plan: PLAN } };
  assert.equal(settingsOf({ ...whole, firstCopy: 'snapshot' }, 'copy').partition?.slots.size, 5462);
});
