// Parses command lines for tests.
import assert from 'node:assert/strict';
import { checkRequest } from '../../src/cli/check.ts';
import { parseCommandLine } from '../../src/cli/command-line.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { copyRequest, type CopyRequest } from '../../src/cli/copy.ts';
import type { Environment } from '../../src/cli/flags/arguments.ts';
import { UsageError } from '../../src/cli/flags/kinds.ts';

export const FROM = 'redis://127.0.0.1:6379/0';
export const TO = 'redis://:p@ss/w?rd#@192.168.0.153:6379/0';
export const ENDPOINTS = ['--from', FROM, '--to', TO];

/** What comes of a command line: the request of its command, or what the help is about. */
export function read(argv: readonly string[], environment: Environment = {}) {
  const request = parseCommandLine(COMMANDS, argv, environment);
  const { command, operands, isAsked } = request;
  if (command.name === 'copy') return { command: 'copy', ...copyRequest(request) } as const;
  if (command.name === 'check') return { command: 'check', ...checkRequest(request) } as const;
  if (command.name === 'version') return { command: 'version' } as const;
  const about = COMMANDS.find(({ name, flags }) => name === operands[0] && flags !== undefined)?.name;
  return { command: 'help', asked: isAsked, ...(about === undefined ? {} : { about }) } as const;
}

export function copy(argv: readonly string[], environment: Environment = {}) {
  const request = read(argv, environment);
  assert.ok(request.command === 'copy');
  return request;
}

/** The options of a copy from `FROM` to `TO`. */
export function optionsOf(...argv: string[]): CopyRequest['options'] {
  return copy([...ENDPOINTS, ...argv]).options;
}

/** What was given, and nothing else. */
export function given(object: object): object {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

export function assertRefused(argv: readonly string[], message: RegExp, environment: Environment = {}): void {
  assert.throws(
    () => read(argv, environment),
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
