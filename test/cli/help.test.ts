// The text of --help is part of the interface: a change of it shows in a review.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { helpText } from '../../src/cli/help.ts';
import { OPTION_LIST } from '../../src/cli/options.ts';

const GOLDEN = new URL('../../../fixtures/help.txt', import.meta.url);

test('helpText() is the one that was reviewed', () => {
  assert.equal(helpText(), readFileSync(GOLDEN, 'utf8'));
});

test('helpText() names every flag and fits a terminal', () => {
  for (const [name] of OPTION_LIST) assert.match(helpText(), new RegExp(` --${name}(?: |$)`, 'm'));
  for (const line of helpText().split('\n')) assert.ok(line.length < 80, line);
});
