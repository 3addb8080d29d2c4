// What a flag is: its row in the table of flags.

import type { Kind } from './kinds.ts';

export type Group =
  | 'Endpoints'
  | 'TLS and clusters'
  | 'Which keys'
  | 'Copy'
  | 'Following'
  | 'Check'
  | 'Inspect'
  | 'Workers'
  | 'Load'
  | 'Output'
  | 'Frames';

export interface Option {
  /** Its heading in the help. */
  readonly group: Group;
  /** Letters that stand for it after one dash; several switches may share a dash. */
  readonly shorts?: readonly string[];
  readonly kind: Kind<unknown>;
  readonly help: string;
  /** The default, as the help shows it; the default itself is set by the copy and the check. */
  readonly fallback?: string;
  /** Flags that cannot be given together with it. */
  readonly excludes?: readonly string[];
  /** A command that takes this `flag` as well does not take the one without the other: why, and the way out. */
  readonly needs?: { readonly flag: string; readonly why: string; readonly hint: string };
  /** The flag is repeatable; this separates its values in the environment. */
  readonly separator?: RegExp;
  /** `false` where a variable such as RUMP_VERSION more likely means something else. */
  readonly environment?: false;
}
