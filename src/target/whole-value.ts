// Makes one payload of a large value, for who has no place for pieces: out of these, as far as a plain payload can hold them;
// otherwise its server has to give it in one piece.

import { RespError } from '../../resp/errors.ts';
import { LONGEST_STRING } from '../../resp/reply.ts';
import type { Parts } from '../../resp/parts.ts';
import type { LargeValue } from '../flow/entry.ts';
import { GatheredPayload } from '../rdb/gathered-payload.ts';
import { CHANGED, isNeverWhole, untilRead } from '../keys/value-end.ts';
import { sizeOfPiece } from '../rdb/pieces.ts';
import type { ValuePiece } from '../rdb/value.ts';
import { steadyPieces } from './steady-pieces.ts';

export interface WholeValue {
  readonly payload: Buffer | Parts;
  /** Whether it is not the one that the source would have given. */
  readonly isGathered: boolean;
}

/** Of Redis 5. Every RESTORE reads it that knows ABSTTL. */
const RDB_VERSION = 9;
/** These give no element twice. */
const ORDERED: ReadonlySet<ValuePiece['type'] | undefined> = new Set<ValuePiece['type']>(['string', 'list']);

export interface Pace {
  /** Throws where all is to end. */
  demandGoing(): void;
  /** Waits until so many bytes more may be read. */
  take(bytes: number): Promise<void>;
}

/** @throws RespError, where the value cannot be had */
export async function wholeValueOf(large: LargeValue, pace: Pace): Promise<WholeValue> {
  // Of a file: it is too long even there.
  if (large.whole === undefined) throw tooLong();
  const gathered = await gatherIfAny(large, pace);
  if (gathered !== undefined) return { payload: gathered, isGathered: true };
  const payload = await untilRead(() => {
    pace.demandGoing();
    return large.whole!();
  });
  return { payload, isGathered: false };
}

/** `undefined` where no plain payload is sure to be the value, or where it never holds still. */
async function gatherIfAny(large: LargeValue, pace: Pace): Promise<Parts | undefined> {
  try {
    return await untilRead(() => gather(large, pace));
  } catch (error) {
    if (isNeverWhole(error)) return undefined;
    throw error;
  }
}

async function gather(large: LargeValue, pace: Pace): Promise<Parts | undefined> {
  pace.demandGoing();
  const gathered = new GatheredPayload(LONGEST_STRING);
  let type: ValuePiece['type'] | undefined;
  for await (const piece of steadyPieces(large, Infinity, () => pace.demandGoing())) {
    type = piece.type;
    // Where nobody watches, nobody counts either.
    if (!ORDERED.has(type) && large.reading === undefined) return undefined;
    if (!gathered.add(piece)) return undefined;
    await pace.take(sizeOfPiece(piece));
  }
  if (!ORDERED.has(type)) {
    if (large.length === undefined) return undefined;
    // An element that is there twice would end a server of the version 6, and others take it for two.
    if (gathered.length > large.length) throw new RespError(CHANGED, 'Elements came twice');
  }
  return gathered.finish(RDB_VERSION);
}

/** RESTORE alone is what a stream has. */
function tooLong(): RespError {
  return new RespError('TOO_LONG', 'Cannot write it as RESTORE: the value is too large for one command');
}
