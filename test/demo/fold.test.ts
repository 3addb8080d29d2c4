// Folding at every width: nothing is wider than asked for, nothing is lost, and a shell would still understand it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldCommand, foldText } from './fold.ts';

const PARTS = ['npx rump', '--from redis://:password@old:6379/0', '--to redis://new:6379/0', '--on-conflict skip'];
const TEXT = 'Nothing is missing and nothing differs.\n\nNext, with two servers of your own:';

test('foldCommand() breaks between options, with a backslash', () => {
  for (let columns = 39; columns <= 100; columns += 1) {
    const lines = foldCommand(PARTS, columns).split('\n');
    assert.ok(
      lines.every((line) => line.length <= columns),
      lines.join('\n'),
    );
    assert.equal(lines.join('\n').replace(/ \\\n +/g, ' '), PARTS.join(' '));
  }
  assert.equal(foldCommand(PARTS, PARTS.join(' ').length), PARTS.join(' '));
});

test('foldText() breaks between words and keeps the line ends', () => {
  for (let columns = 10; columns <= 60; columns += 1) {
    const folded = foldText(TEXT, columns);
    assert.ok(
      folded.split('\n').every((line) => line.length <= columns),
      folded,
    );
    assert.equal(folded.replaceAll('\n', ' '), TEXT.replaceAll('\n', ' '));
  }
  assert.equal(foldText(TEXT, 60), TEXT);
});
