// The words of a command line that are no values: commands, what was probably meant by others, and letters that share a dash.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseCommandLine } from '../../src/cli/command-line.ts';
import { assertRefused, copy, ENDPOINTS } from './parsing.ts';

describe('parseCommandLine()', () => {
  test('takes help and version as words, and help about a command', () => {
    const help = { command: 'help', asked: true };
    for (const argv of [['help'], ['help', 'help'], ['help', 'version'], ['help', '--json']]) {
      assert.deepEqual(parseCommandLine(argv, { RUMP_COUNT: 'nonsense' }), help);
    }
    for (const argv of [
      ['help', 'check'],
      ['check', 'help'],
      ['check', '--help'],
      ['--help', 'check'],
      ['check', '-h'],
    ]) {
      assert.deepEqual(parseCommandLine(argv, {}), { ...help, about: 'check' });
    }
    assert.deepEqual(parseCommandLine(['version'], {}), { command: 'version' });
    assertRefused(['help', 'chekc'], /^Unknown command chekc \(did you mean rump check\?\)$/);
    assertRefused(['help', 'check', 'me'], /^Unknown command me /);
    assertRefused(['version', 'check'], /^Unknown command check /);
  });

  test('suggests what a word was probably meant to be', () => {
    for (const [word, meant] of [
      ['chekc', 'rump check'],
      ['Check', 'rump check'],
      ['cpoy', 'rump copy'],
      ['hlep', 'rump help'],
      ['dryrun', '--dry-run'],
      ['verify', '--verify'],
    ] as const) {
      assertRefused([word, ...ENDPOINTS], new RegExp(`^Unknown command ${word} \\(did you mean ${meant}\\?\\)$`));
    }
    assertRefused(['frobnicate'], /^Unknown command frobnicate \(rump help lists what there is\)$/);
    assertRefused(['a.resp', 'h:1'], /^Unexpected word a\.resp \(name the endpoints/);
    assertRefused([...ENDPOINTS, '--timeout', '30'], /"30" for --timeout.* \(did you mean 30s\?\)$/);
    for (const flag of ['--timeout', '--max-latency', '--retry-max']) {
      for (const text of ['0', '0.0001', '0s', '9999999']) {
        assertRefused(
          [...ENDPOINTS, flag, text],
          new RegExp(`^Cannot use "${text}" for ${flag}: .* from 1ms up to 500h \\(undefined\\)$`),
        );
      }
    }
    assertRefused([...ENDPOINTS, '--buffer', '0'], /"0" for --buffer: .*1 at least/);
  });

  test('takes switches that share a dash, and refuses other letters among them', () => {
    for (const argv of [['-sn'], ['-nq'], ['-n', '-q']]) {
      const { options, progress } = copy([...ENDPOINTS, ...argv]);
      assert.deepEqual([options.dryRun, progress], [true, 'silent']);
    }
    assert.deepEqual(parseCommandLine(['-nh'], {}), { command: 'help', asked: true });
    for (const flag of ['-sx', '-nsx', '--sn', '-']) assertRefused([...ENDPOINTS, flag], /^Unknown (flag|command) -/);
    assertRefused([...ENDPOINTS, '-ss'], /^Cannot use --silent twice/);
    assertRefused([...ENDPOINTS, '-sq'], /^Cannot use --silent twice/);
  });
});
