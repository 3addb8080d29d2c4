// The text of --help is part of the interface: a change of it shows in a review.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { COMMANDS } from '../../src/cli/commands.ts';
import { helpText, referenceOf } from '../../src/cli/help.ts';
import { OPTION_LIST } from '../../src/cli/flags/options.ts';

const GOLDEN = new URL('../../../fixtures/help.txt', import.meta.url);

test('helpText() is the one that was reviewed', () => {
  assert.equal(helpText(COMMANDS), readFileSync(GOLDEN, 'utf8'));
});

test('helpText() names every flag and fits a terminal', () => {
  for (const [name] of OPTION_LIST) assert.match(helpText(COMMANDS), new RegExp(` --${name}(?: |$)`, 'm'));
  for (const line of helpText(COMMANDS).split('\n')) assert.ok(line.length < 80, line);
});

test('referenceOf() says of every flag what it takes, what it means, its twin and whose it is', () => {
  const reference = referenceOf(COMMANDS);
  assert.deepEqual(
    reference.map(({ name }) => name),
    OPTION_LIST.map(([name]) => name),
  );
  const flag = (name: string): object | undefined => reference.find((flag) => flag.name === name);
  assert.deepEqual(flag('dry-run'), {
    name: 'dry-run',
    shorts: ['n'],
    argument: undefined,
    meaning: 'look at both sides and count the keys; write nothing',
    default: undefined,
    variable: 'RUMP_DRY_RUN',
    repeatable: false,
    group: 'Copy',
    commands: ['copy'],
  });
  assert.deepEqual(flag('from-nat'), {
    name: 'from-nat',
    shorts: [],
    argument: 'HOST:PORT=HOST:PORT',
    meaning: 'reach the node that the source announces as the first at the second; repeatable',
    default: undefined,
    variable: 'RUMP_FROM_NAT',
    repeatable: true,
    group: 'TLS and clusters',
    commands: ['copy', 'check'],
  });
  assert.deepEqual(flag('buffer'), {
    ...flag('max-reply'),
    name: 'buffer',
    variable: 'RUMP_BUFFER',
    default: '64M',
    meaning: 'memory between reader and writer',
  });
  for (const name of ['help', 'version']) assert.equal((flag(name) as { variable?: string }).variable, undefined);
});
