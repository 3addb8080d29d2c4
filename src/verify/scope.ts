// What a check is about where a copy has gone before it.

import type { WrittenKeys } from '../target/written-keys.ts';

export interface Scope {
  /** Keys that only the target has are no difference. */
  readonly oneWay: boolean;
  /** The keys of the target that are looked at; all of them where it is missing. */
  readonly written: WrittenKeys | undefined;
}
