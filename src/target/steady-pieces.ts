// The pieces of a value that is read by and by, with a word at the end where they are not of one moment.

import { RespError } from '../../resp/errors.ts';
import type { LargeValue } from '../flow/entry.ts';
import { ValueDigest } from '../rdb/value-digest.ts';
import { readAhead } from '../flow/read-ahead.ts';
import { CHANGED, GONE } from '../keys/value-end.ts';
import type { ValuePiece } from '../rdb/value.ts';

/**
 * @param demandGoing throws where all is to end
 * @throws RespError at the end: `CHANGED` where the pieces are of several moments, `GONE` where there were none
 */
export async function* steadyPieces(
  large: LargeValue,
  bytes: number,
  demandGoing: () => void,
): AsyncGenerator<ValuePiece, void, void> {
  const digest = new ValueDigest();
  let isEmpty = true;
  for await (const piece of readAhead(large.pieces(bytes))) {
    demandGoing();
    if (large.reading === undefined) digest.add(piece);
    isEmpty = false;
    yield piece;
  }
  await demandUnchanged(large, digest, demandGoing);
  if (isEmpty) throw new RespError(GONE, 'Nothing is left of it');
}

/** What was read piece by piece was never there as a whole, if it has changed meanwhile. */
async function demandUnchanged(large: LargeValue, digest: ValueDigest, demandGoing: () => void): Promise<void> {
  if (large.reading === 'same') return;
  if (isTouched(large)) throw changed('touched');
  const again = new ValueDigest();
  for await (const piece of large.pieces()) {
    demandGoing();
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
