// What a server must be able to do for a value to be written by commands, beyond those that Redis has had since 4.0.
import type { StreamValue, Value } from '../value.ts';

/**
 * - `streams`: Redis 5.0.
 * - `streamFigures`: `XSETID … ENTRIESADDED … MAXDELETEDID`, `XGROUP … ENTRIESREAD`; Redis 7.0. Without it a stream is
 *   written with all its entries and groups, and only these figures, from which lags are told, are those of the target.
 * - `fieldExpiry`: `HPEXPIREAT`; Redis 7.4, Valkey 9.0.
 * - `module`: that module, and a payload; no command can write its values.
 */
export type Ability = 'streams' | 'streamFigures' | 'fieldExpiry' | 'module';

/** All that is needed for nothing to be lost. */
export function abilitiesFor(value: Value): readonly Ability[] {
  switch (value.type) {
    case 'hash':
      return value.fields.some(({ expireAt }) => expireAt !== -1) ? ['fieldExpiry'] : [];
    case 'stream':
      return hasFigures(value) ? ['streams', 'streamFigures'] : ['streams'];
    case 'module':
      return ['module'];
    default:
      return [];
  }
}

function hasFigures({ entriesAdded, maxDeletedId }: StreamValue): boolean {
  return entriesAdded !== undefined || maxDeletedId !== undefined;
}
