// What an operator may rely on in the output of any run: the closing words only with exit code 0, and errors in one line.
import assert from 'node:assert/strict';
import type { RumpResult } from './rump.ts';

export interface Failure {
  /** Default 1. */
  readonly code?: number;
  /** The one line on stderr that says why, without its newline. */
  readonly error: RegExp;
}

export const CLOSING_WORDS = 'Sync done.\n';

export function assertDone(result: RumpResult): void {
  assert.equal(result.code, 0, shown(result));
  assert.match(result.stdout, /^\.*Sync done\.\n$/, shown(result));
  assert.match(
    result.stderr,
    /^rump: [\d,]+ keys?, .* 0 failed(?:, [\d,]+ reconnects?)?(?:, resumed)?\n$/m,
    shown(result),
  );
}

/** Nothing else went wrong than what `error` says, and nothing claims that all went well. */
export function assertFailed(result: RumpResult, { code = 1, error }: Failure): void {
  assert.equal(result.code, code, shown(result));
  assert.doesNotMatch(result.stdout, /Sync done|"done"/, shown(result));
  assert.equal(linesOf(result.stderr).filter((line) => error.test(line)).length, 1, `No ${error} in ${shown(result)}`);
  assertPlainWords(result);
}

/** A run that ended before it wrote anything: one line, and that is all. */
export function assertRefused(result: RumpResult, failure: Failure): void {
  assertFailed(result, failure);
  assert.equal(result.stdout, '', shown(result));
  assert.equal(linesOf(result.stderr).length, 1, shown(result));
}

/** Every line of stderr is rump's own: no stack, nothing of Node. */
export function assertPlainWords(result: RumpResult): void {
  for (const line of linesOf(result.stderr)) assert.match(line, /^rump: \S/, shown(result));
  assert.doesNotMatch(result.stderr, /internal error|node:internal/, shown(result));
}

export function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

function shown({ code, signal, stdout, stderr }: RumpResult): string {
  return `exit ${code ?? signal}, stdout ${JSON.stringify(stdout.slice(-2000))}, stderr ${JSON.stringify(stderr.slice(-2000))}`;
}
