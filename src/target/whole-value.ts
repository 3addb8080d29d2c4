// A large value as the target takes it: in pieces that are of one moment, or in one payload for who has no place for pieces.

import { RespError } from '../../resp/errors.ts';
import type { Parts } from '../../resp/parts.ts';
import { LONGEST_STRING } from '../../resp/reply.ts';
import type { LargeValue } from '../flow/entry.ts';
import { readAhead } from '../flow/read-ahead.ts';
import { CHANGED, GONE, isNeverWhole, untilRead } from '../keys/value-end.ts';
import { GatheredPayload } from '../rdb/gathered-payload.ts';
import { sizeOfPiece } from '../rdb/pieces.ts';
import { ValueDigest } from '../rdb/value-digest.ts';
import type { ValuePiece } from '../rdb/value.ts';

export interface WholeValue {
  readonly payload: Buffer | Parts;
  /** Whether it is not the one that the source would have given. */
  readonly isGathered: boolean;
}

export interface Pace {
  /** Throws where all is to end. */
  demandGoing(): void;
  /** Waits until so many bytes more may be read, and the run is not paused. */
  take(bytes: number): Promise<void>;
}

/** Of Redis 5. Every RESTORE reads it that knows ABSTTL. */
const RDB_VERSION = 9;
/** These give no element twice. */
export const ORDERED: ReadonlySet<ValuePiece['type'] | undefined> = new Set<ValuePiece['type']>([
  'string',
  'list',
  'stream',
]);

/**
 * One payload, made of the pieces as far as a plain payload can hold them; otherwise the server has to give it in one piece.
 * @throws RespError, where the value cannot be had
 */
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

/**
 * The pieces of a value that is read by and by.
 * @param goOn waits until more may be read; throws where all is to end
 * @throws RespError at the end: `CHANGED` where the pieces are of several moments, `GONE` where there were none
 */
export async function* steadyPieces(
  large: LargeValue,
  bytes: number,
  goOn: () => Promise<void>,
): AsyncGenerator<ValuePiece, void, void> {
  const digest = new ValueDigest();
  let isEmpty = true;
  const pieces = large.pieces(bytes);
  // What is at hand would only be held twice.
  for await (const piece of large.isAtHand === true ? pieces : readAhead(pieces)) {
    await goOn();
    if (large.reading === undefined) digest.add(piece);
    isEmpty = false;
    yield piece;
  }
  await demandUnchanged(large, digest, goOn);
  if (isEmpty) throw new RespError(GONE, 'Nothing is left of it');
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
  const goOn = async (): Promise<void> => {
    pace.demandGoing();
    await pace.take(0);
  };
  for await (const piece of steadyPieces(large, Infinity, goOn)) {
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

/** What was read piece by piece was never there as a whole, if it has changed meanwhile. */
async function demandUnchanged(large: LargeValue, digest: ValueDigest, goOn: () => Promise<void>): Promise<void> {
  if (large.reading === 'same') return;
  if (isTouched(large)) throw changed('touched');
  const again = new ValueDigest();
  for await (const piece of large.pieces()) {
    await goOn();
    again.add(piece);
  }
  if (isTouched(large)) throw changed('touched');
  const difference = digest.differenceFrom(again);
  if (difference !== undefined) throw changed(difference);
}

/** Whether the last reading has said so. */
function isTouched({ reading }: LargeValue): boolean {
  return reading === 'changed' || reading === 'watched';
}

function changed(what: string): RespError {
  return new RespError(CHANGED, `It changed while it was read (${what})`);
}

/** RESTORE alone is what a stream has. */
function tooLong(): RespError {
  return new RespError('TOO_LONG', 'Cannot write it as RESTORE: the value is too large for one command');
}
