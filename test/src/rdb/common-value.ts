// What two snapshots of one key can be held to: servers tell more of a stream the newer they are.
import type { Value } from '../../support/snapshot.ts';

const NONE: ReadonlySet<string> = new Set();

/** The value with, of each record, the fields that the other has too, but for those that are not to be compared. */
export function common(value: Value, other: Value | undefined, without: ReadonlySet<string> = NONE): Value {
  if (Array.isArray(value)) {
    const others = Array.isArray(other) ? other : [];
    return value.map((item, index) => common(item, others[index], without));
  }
  // A server forgets the sign of a score that is zero when it packs the set.
  if (value === 0) return 0;
  if (typeof value !== 'object' || value === null || typeof other !== 'object' || other === null) return value;
  const opposite = other as { readonly [name: string]: Value };
  const names = Object.keys(value).filter((name) => name in opposite && !without.has(name));
  return Object.fromEntries(names.map((name) => [name, common(value[name]!, opposite[name], without)]));
}
