// A command line as the tests of the parser write and read it.
import assert from 'node:assert/strict';
import { parseCommandLine, type CopyCommand } from '../../src/cli/command-line.ts';
import type { Environment } from '../../src/cli/environment.ts';
import { UsageError } from '../../src/cli/usage-error.ts';

export const FROM = 'redis://127.0.0.1:6379/0';
export const TO = 'redis://:p@ss/w?rd#@192.168.0.153:6379/0';
export const ENDPOINTS = ['--from', FROM, '--to', TO];

export function copy(argv: readonly string[], environment: Environment = {}): CopyCommand {
  const commandLine = parseCommandLine(argv, environment);
  assert.ok(commandLine.command === 'copy');
  return commandLine;
}

/** The options of a copy from `FROM` to `TO`. */
export function optionsOf(...argv: string[]): CopyCommand['options'] {
  return copy([...ENDPOINTS, ...argv]).options;
}

/** What was given, and nothing else. */
export function given(object: object): object {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

export function assertRefused(argv: readonly string[], message: RegExp, environment: Environment = {}): void {
  assert.throws(
    () => parseCommandLine(argv, environment),
    (error) => {
      assert.ok(error instanceof UsageError);
      assert.equal(error.code, 'USAGE');
      const text = `${error.message} (${error.hint})`;
      assert.match(text, message);
      assert.doesNotMatch(text, /hunter2/);
      return true;
    },
  );
}
