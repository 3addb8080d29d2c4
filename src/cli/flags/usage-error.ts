// The error for a command line, a variable or a file that cannot be used, and a guess at what was meant.

import { RespError } from '../../../resp/errors.ts';

/** `code` is `USAGE`. */
export class UsageError extends RespError {
  override readonly name = 'UsageError';

  constructor(message: string, hint?: string, cause?: unknown) {
    super('USAGE', message, { hint, cause });
  }
}

/**
 * The candidate that was probably meant: it begins with the text, or is few keystrokes away.
 * @param most keystrokes
 */
export function nearest<T extends string>(text: string, candidates: readonly T[], most = 3): T | undefined {
  const word = text.toLowerCase();
  const longer = candidates.find((candidate) => word.length >= 2 && candidate.startsWith(word));
  if (longer !== undefined) return longer;
  const allowed = Math.min(most, Math.floor(word.length / 2));
  const [best] = candidates
    .map((candidate) => ({ candidate, edits: editsBetween(word, candidate) }))
    .filter(({ edits }) => edits <= allowed)
    .toSorted((a, b) => a.edits - b.edits);
  return best?.candidate;
}

/** Levenshtein's distance, row by row. */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + change));
    }
    row = next;
  }
  return row[b.length]!;
}
