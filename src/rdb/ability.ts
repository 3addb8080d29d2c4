// What a server must be able to do for a value to be written by commands, beyond those that Redis has had since 4.0.

/**
 * - `streams`: Redis 5.0.
 * - `streamFigures`: `XSETID … ENTRIESADDED … MAXDELETEDID`, `XGROUP … ENTRIESREAD`; Redis 7.0. Without it a stream is
 *   written with all its entries and groups, and only these figures, from which lags are told, are those of the target.
 * - `fieldExpiry`: `HPEXPIREAT`; Redis 7.4, Valkey 9.0.
 */
export type Ability = 'streams' | 'streamFigures' | 'fieldExpiry';
