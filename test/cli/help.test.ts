// The table of commands, and the help made from it, whose text is compared with a file so that changes show in reviews.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseCommandLine } from '../../src/cli/command-line.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import type { Command, Commands } from '../../src/cli/command.ts';
import { flagsOf, OPTION_LIST } from '../../src/cli/flags/options.ts';
import { helpText, referenceOf, usageText } from '../../src/cli/help.ts';

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
    commands: ['copy', 'check', 'plan', 'inspect'],
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

test('A command is known to the parser and the help by its entry in the table alone', () => {
  const weigh: Command = {
    name: 'weigh',
    noun: 'a weighing',
    help: { summary: 'tells how much memory keys take', usage: 'ENDPOINT [KEY...] [options]' },
    flags: flagsOf(['Output'], ['from-tls-ca']),
    operands: 'anything',
    run: async () => 0,
  };
  const [first, ...others] = COMMANDS;
  const commands: Commands = [first, ...others, weigh];
  const parse = (...argv: string[]) => parseCommandLine(commands, argv, { RUMP_DEBUG: '1', RUMP_MATCH: 'a' });
  const { command, operands, values } = parse('--json', 'weigh', 'redis://h', 'help', 'copy');
  assert.equal(command, weigh);
  assert.deepEqual(operands, ['redis://h', 'help', 'copy']);
  assert.deepEqual(values, { json: true, debug: true });
  assert.throws(() => parse('weigh', 'redis://h', '--match', 'a'), {
    message: 'Cannot use --match: it means nothing to a weighing',
  });
  assert.throws(() => parse('wegh'), { hint: 'did you mean rump weigh?' });
  assert.deepEqual(parse('help', 'weigh').operands, ['weigh']);
  assert.match(
    helpText(commands),
    /^Usage: rump --from .*\n {7}rump check --from .*\n {7}rump plan --workers .*\n {7}rump inspect ENDPOINT\|DIR .*\n {7}rump ctl .*\n {7}rump report FILE.*\n {7}rump completion .*\n {7}rump weigh ENDPOINT \[KEY/,
  );
  const flags = helpText(commands, 'weigh').matchAll(/^ +(?:-\w, )*--([\w-]+)/gm);
  assert.deepEqual(new Set(Array.from(flags, ([, name]) => name)), weigh.flags);
  assert.match(usageText(commands), /^ {2}weigh +tells how much memory keys take$/m);
  const takers = Object.fromEntries(referenceOf(commands).map(({ name, commands }) => [name, commands]));
  assert.deepEqual(
    [takers['json'], takers['match']],
    [
      ['copy', 'check', 'inspect', 'report', 'weigh'],
      ['copy', 'check', 'inspect'],
    ],
  );
});
