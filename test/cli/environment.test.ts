// What stands in the environment instead of on the command line, and which of the two is heard.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertRefused, copy, ENDPOINTS, FROM, TO } from './parsing.ts';

describe('parseCommandLine() reads from the environment', () => {
  test('the twin of every flag', () => {
    const environment = {
      RUMP_FROM: FROM,
      RUMP_TO: TO,
      RUMP_FROM_PASSWORD_FILE: 'a',
      RUMP_TO_PASSWORD_FILE: 'b',
      RUMP_DB: '3',
      RUMP_ON_CONFLICT: 'fail',
      RUMP_NO_TTL: '1',
      RUMP_COUNT: '10',
      RUMP_BUFFER: '1k',
      RUMP_TIMEOUT: '2s',
      RUMP_FAIL_FAST: 'on',
      RUMP_PROGRESS: 'dots',
      RUMP_DEBUG: 'TRUE',
    };
    assert.deepEqual(copy([], environment), {
      command: 'copy',
      options: {
        from: FROM,
        to: TO,
        fromPassword: undefined,
        toPassword: undefined,
        db: 3,
        onConflict: 'fail',
        noTtl: true,
        count: 10,
        buffer: 1024,
        timeout: 2000,
        failFast: true,
      },
      fromPasswordFile: 'a',
      toPasswordFile: 'b',
      progress: 'dots',
      debug: true,
    });
  });

  test('switches by the words for on and off', () => {
    for (const on of ['1', 'true', 'yes', 'on', 'YES']) {
      assert.equal(copy(ENDPOINTS, { RUMP_SILENT: on }).progress, 'silent');
    }
    for (const off of ['0', 'false', 'no', 'off', '']) {
      assert.equal(copy(ENDPOINTS, { RUMP_SILENT: off }).progress, 'auto');
    }
  });

  test('passwords, which no flag takes', () => {
    const { options } = copy(ENDPOINTS, { RUMP_FROM_PASSWORD: 'p@ss', RUMP_TO_PASSWORD: '' });
    assert.deepEqual([options.fromPassword, options.toPassword], ['p@ss', undefined]);
  });

  test('nothing that the command line decides', () => {
    const environment = { RUMP_FROM: 'nonsense', RUMP_COUNT: 'nonsense', RUMP_FAIL_FAST: '1', RUMP_NO_TTL: '1' };
    const { options } = copy([...ENDPOINTS, '--count=5', '--fail-fast=off', '--ttl'], environment);
    assert.deepEqual([options.from, options.count, options.failFast, options.noTtl], [FROM, 5, false, undefined]);
    assert.equal(copy([...ENDPOINTS, '--json'], { RUMP_SILENT: '1', RUMP_PROGRESS: 'bar' }).progress, 'json');
  });

  test('no value that is none, and names the variable', () => {
    assertRefused(ENDPOINTS, /^Cannot use "many" for RUMP_COUNT: it takes a whole number/, { RUMP_COUNT: 'many' });
    assertRefused(ENDPOINTS, /^Cannot use "maybe" for RUMP_JSON: /, { RUMP_JSON: 'maybe' });
    assertRefused(['--to', TO], /^Cannot use RUMP_FROM: .*\*\*\*@h:x/, { RUMP_FROM: 'redis://:hunter2@h:x' });
  });

  test('nothing where a variable is empty', () => {
    assert.equal(copy(ENDPOINTS, { RUMP_COUNT: '', RUMP_FROM: '' }).options.count, undefined);
  });

  test('no contradiction', () => {
    assertRefused(ENDPOINTS, /^Cannot use --silent and --json together/, { RUMP_SILENT: '1', RUMP_JSON: '1' });
  });

  test('not RUMP_VERSION, which more likely tells of the program', () => {
    assert.equal(copy(ENDPOINTS, { RUMP_VERSION: '2.0.0', RUMP_HELP: 'x' }).command, 'copy');
  });
});
