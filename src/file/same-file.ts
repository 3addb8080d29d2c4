// Whether two paths lead to one file: by other spellings, by symbolic links, or by hard ones.

import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';

export function isSameFile(left: string, right: string): boolean {
  if (resolve(left) === resolve(right)) return true;
  const [one, other] = [left, right].map((path) => statSync(path, { throwIfNoEntry: false, bigint: true }));
  if (one !== undefined && other !== undefined) return one.dev === other.dev && one.ino === other.ino;
  // Of one that is not there as yet, its folder tells.
  return one === other && placeOf(left) === placeOf(right);
}

function placeOf(path: string): string {
  try {
    return `${realpathSync(dirname(path))}/${basename(path)}`;
  } catch {
    return resolve(path);
  }
}
