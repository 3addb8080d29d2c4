// Logs of workers as a test writes them, line by line, and what rump report makes of them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { folderOf } from './resp-file.ts';
import { runRump, type RumpResult } from './rump.ts';

export type Line = Readonly<Record<string, unknown>>;

export const ZERO = { bytes: 0, converted: 0, skipped: 0, expired: 0, failed: 0, reconnects: 0 };
const UNCHECKED = { differ: 0, sourceOnly: 0, targetOnly: 0, notComparable: 0, expired: 0, gone: 0, failed: 0 };

/** A second later each. */
export function logOf(lines: readonly Line[], begin = 0): string {
  return lines
    .map((line, at) => `${JSON.stringify({ time: new Date((begin + at) * 1000).toISOString(), ...line })}\n`)
    .join('');
}

/** @param text such as `2/4` */
export function started(text?: string, plan?: string): Line {
  const [part, parts] = text?.split('/').map(Number) ?? [];
  const partition = part === undefined ? undefined : { part, parts, slots: 1, primaries: 1, plan };
  return { event: 'start', from: 'redis://a', to: 'redis://b', ...(partition === undefined ? {} : { partition }) };
}

/** The check of a copy begins, in the same run. */
export function verifying(text: string): Line {
  return { ...started(text), verify: true };
}

export function done(keys: number, more: Line = {}): Line {
  return { event: 'done', keys, ...ZERO, bytes: keys * 10, elapsed: keys, ...more };
}

export function checked(match: number, more: Line = {}): Line {
  return { event: 'checked', match, ...UNCHECKED, bytes: 0, reconnects: 0, elapsed: 10, ...more };
}

export function failed(key: string, reason = 'no memory'): Line {
  return { event: 'key-failed', db: 0, key, code: 'OOM', reason };
}

export function exit(exitCode: number): Line {
  return { event: 'exit', exitCode };
}

/** @param files lines of each, or the text */
export async function reportOn(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  ...flags: string[]
): Promise<RumpResult> {
  const folder = folderOf(t);
  const paths = Object.entries(files).map(([name, text]) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  });
  const { stdout, stderr, ...rest } = await runRump(['report', ...paths, ...flags]);
  return { ...rest, stdout: stdout.replaceAll(`${folder}/`, ''), stderr: stderr.replaceAll(`${folder}/`, '') };
}

export function complete(part: string, keys: number): string {
  return logOf([started(part), done(keys), exit(0)]);
}
