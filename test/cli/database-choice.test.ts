// Which databases go where: what is clear from the command line, and what is not.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertRefused, copy } from './parsing.ts';

describe('parseCommandLine() takes', () => {
  test('every choice of databases that can be followed', () => {
    for (const argv of [
      ['--from=redis://a', '--to=redis://b/5'],
      ['--from=redis://a/3', '--to=redis://b', '--db-map=3:0'],
      ['--from=redis://a', '--to=redis://b', '--db-map=0:7'],
      ['--from=redis://a/3', '--to=redis://b/5', '--db-map=3:7'],
      ['--from=redis://a/3', '--to=redis://b/5', '--db=4'],
      ['--from=redis://a', '--to=redis://b', '--db=0,3'],
      ['--from=redis://a', '--to=redis://b', '--db=all', '--db-map=9:1'],
      ['--from=redis://a', '--to=redis://b', '--db=0,3', '--db-map=0:3,3:0'],
      ['--from=redis://a', '--to=redis://b/5', '--db=0,3', '--db-map=0:1,3:2'],
      ['--from=redis://a', '--to=a.resp', '--db=all'],
      // What a file holds is not known yet.
      ['--from=a.resp', '--to=redis://b/5'],
      ['--from=-', '--to=redis://b', '--db-map=9:1'],
    ]) {
      assert.equal(copy(argv).command, 'copy', argv.join(' '));
    }
  });
});

describe('parseCommandLine() refuses', () => {
  test('to map a database that is not copied', () => {
    for (const [argv, db] of [
      [['--from=redis://a', '--db=0,3', '--db-map=0:1,5:2'], 5],
      [['--from=redis://a/3', '--db-map=0:1'], 0],
      [['--from=redis://a', '--db-map=3:0'], 3],
      [['--from=unix:///s?db=2', '--db-map=0:1'], 0],
      [['--from=a.resp', '--db=1', '--db-map=2:1'], 2],
    ] as const) {
      const message = new RegExp(`^Cannot use --db-map: database ${db} is not copied \\(add ${db} to --db\\)$`);
      assertRefused([...argv, '--to=redis://b'], message);
    }
  });

  test('several databases for a target that names one, unless each of them is mapped', () => {
    for (const argv of [
      ['--to=redis://b/5', '--db=0,3'],
      ['--to=redis://b/0', '--db=0,3'],
      ['--to=redis://b/5', '--db=all'],
      ['--to=redis://b/5', '--db=all', '--db-map=0:1'],
      ['--to=redis://b/5', '--db=0,3', '--db-map=0:1'],
      ['--to=unix:///s?db=5', '--db=0,3'],
      ['--to=redis+sentinel://b/main/5', '--db=0,3'],
    ]) {
      assertRefused(
        ['--from=redis://a', ...argv],
        /^Cannot copy several databases into .*: it names a single one \(leave .* or say with --db-map /,
      );
    }
  });
});
