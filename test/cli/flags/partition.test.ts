// --partition and --plan: which part of a cluster a process copies.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { formatPlan } from '../../../src/sync/workers-plan.ts';
import { assertRefused, ENDPOINTS, copy, optionsOf, read } from '../parsing.ts';

const folder = mkdtempSync(join(tmpdir(), 'rump-plan-'));
after(() => rmSync(folder, { recursive: true }));
const PLAN = {
  rump: '2.0.0',
  plan: 1,
  source: { nodes: ['a1'], slots: 16_384 },
  shares: [0, 1].map((at) => ({ slots: [[at * 8192, at * 8192 + 8191]] as const, keys: 1, nodes: ['h:1'] })),
};
const path = join(folder, 'plan.json');
writeFileSync(path, formatPlan(PLAN));

function partitionOf(argv: readonly string[], index?: string): unknown {
  return copy([...ENDPOINTS, ...argv], index === undefined ? {} : { JOB_COMPLETION_INDEX: index }).options.partition;
}

test('--partition counts from 1, and auto from 0, by JOB_COMPLETION_INDEX', () => {
  assert.deepEqual(optionsOf('--partition', '2/4').partition, { part: 2, parts: 4, plan: undefined });
  assert.deepEqual(partitionOf(['--partition=auto/4'], '0'), { part: 1, parts: 4, plan: undefined });
  assert.deepEqual(partitionOf(['--partition=auto', '--plan', path], '1'), { part: 2, parts: 2, plan: PLAN });
  assert.equal(partitionOf([], '1'), undefined);
  const check = read(['check', ...ENDPOINTS, '--partition', '1/2', '--plan', path]);
  assert.ok(check.command === 'check');
  assert.deepEqual(check.options.partition, { part: 1, parts: 2, plan: PLAN });
});

test('--partition is refused where it cannot be told which part is meant', () => {
  for (const text of ['0/4', '5/4', '4', 'auto/0', '1/4/2', '-1/4'])
    assertRefused([...ENDPOINTS, `--partition=${text}`], /it takes a part and how many there are/);
  const auto = [...ENDPOINTS, '--partition', 'auto/2'];
  assertRefused(auto, /JOB_COMPLETION_INDEX is not set/);
  assertRefused(auto, /JOB_COMPLETION_INDEX is no number/, { JOB_COMPLETION_INDEX: '1st' });
  assertRefused(auto, /JOB_COMPLETION_INDEX is 2, and there are 2 parts/, { JOB_COMPLETION_INDEX: '2' });
  assertRefused([...ENDPOINTS, '--partition', 'auto'], /how many parts there are is not known/);
});

test('--plan is refused where it is of no use', () => {
  assertRefused([...ENDPOINTS, '--plan', path], /without --partition it is not known which part of the plan is meant/);
  const variable = { RUMP_PLAN: path };
  assertRefused(ENDPOINTS, /^Cannot use a plan: without --partition it is not known which part/, variable);
  assert.equal(copy([...ENDPOINTS, '--partition=1/2'], variable).options.partition?.plan?.shares.length, 2);
  const { partition } = copy([...ENDPOINTS, '--plan', path], { RUMP_PARTITION: '2/2' }).options;
  assert.deepEqual(partition, { part: 2, parts: 2, plan: PLAN });
  const half = [...ENDPOINTS, '--partition=1/2', '--plan'];
  assertRefused([...half, join(folder, 'none.json')], /Cannot read the plan .*none\.json: there is no such file/);
  assertRefused([...half, '/dev/zero'], /^Cannot use the plan \/dev\/zero: it is far too long/);
  writeFileSync(join(folder, 'cut.json'), formatPlan(PLAN).slice(0, 100));
  assertRefused([...half, join(folder, 'cut.json')], /Cannot use the plan .*cut\.json: it is not JSON/);
});

test('--partition is of clusters, and keeps names apart', () => {
  assertRefused(['--from', 'a.rdb', '--to', 'redis://h', '--partition=1/2'], /a\.rdb is a file/);
  assertRefused(
    [...ENDPOINTS, '--partition=1/2', '--strip-prefix', 'a:'],
    /keys of different parts may get the same name/,
  );
});
