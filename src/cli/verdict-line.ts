// One key of a check as a line, with the signs of rclone check. No name holds a tab: what differs stands behind one.

import type { Verdict, VerdictEvent } from '../verify/options.ts';
import { escapeControls, escapeKey } from './escape.ts';

const SIGNS: Readonly<Record<Verdict, string>> = {
  match: '=',
  differ: '*',
  sourceOnly: '+',
  targetOnly: '-',
  notComparable: '?',
};

/**
 * `* key`, a tab, and what differs; `? key`, a tab, and what cannot be compared; `+ key` is only at the source, `- key` only at the target.
 * @param showsDb whether the number of the database stands before the key
 */
export function verdictLine({ verdict, db, key, targetDb, targetKey, what }: VerdictEvent, showsDb: boolean): string {
  const [shownDb, shownKey] = verdict === 'targetOnly' ? [targetDb, targetKey] : [db, key];
  const name = `${showsDb ? `${shownDb}:` : ''}${escapeKey(shownKey)}`;
  return `${SIGNS[verdict]} ${name}${what === undefined ? '' : `\t${escapeControls(what)}`}\n`;
}
