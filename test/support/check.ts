// What a check has found, as a test reads it: the lines of stdout, and how the run ended.
import assert from 'node:assert/strict';
import { runRump, type RumpOptions, type RumpResult } from './rump.ts';

export const EQUAL_WORDS = 'Both sides are equal.\n';

/** Keys that differ are not waited for. */
export const AT_ONCE = ['--recheck', '0'];

export function runCheck(args: readonly string[], options?: RumpOptions): Promise<RumpResult> {
  return runRump(['check', ...args], options);
}

/** The two sides are the same, and it was so many keys that were compared. */
export function assertEqual(result: RumpResult, keys?: number): void {
  const { code, stdout, stderr } = result;
  const shown = JSON.stringify({ code, stdout: stdout.slice(-1000), stderr: stderr.slice(-1000) });
  assert.equal(code, 0, shown);
  assert.match(stdout, /^Both sides are equal\.\n$/, shown);
  const [, equal] = /^rump: ([\d,]+) equal, 0 differ, 0 only at the source, 0 only at the target, /m.exec(stderr) ?? [];
  assert.ok(equal !== undefined, shown);
  if (keys !== undefined) assert.equal(Number(equal.replaceAll(',', '')), keys, shown);
}

/** These lines and no others, in any order, with exit code 3. */
export function assertDifferent(result: RumpResult, lines: readonly string[]): void {
  const { code, stdout, stderr } = result;
  const shown = JSON.stringify({ code, stdout: stdout.slice(-2000), stderr: stderr.slice(-1000) });
  assert.equal(code, 3, shown);
  assert.doesNotMatch(stdout, /Both sides|Sync done/, shown);
  assert.deepEqual(differencesIn(stdout).toSorted(), lines.toSorted(), shown);
}

/** The lines without the dots. */
export function differencesIn(stdout: string): string[] {
  return stdout.split('\n').filter((line) => line !== '' && !/^\.+$/.test(line));
}
