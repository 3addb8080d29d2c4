// Whether two payloads hold the same value: two servers pack values in their own ways.

import type { LargeValue } from '../flow/entry.ts';
import { DEFAULT_LIMITS, payloadPieces } from '../rdb/pieces.ts';
import { differenceOf } from '../rdb/compare.ts';
import { decodePayload } from '../rdb/decode.ts';
import { PayloadError } from '../rdb/payload-error.ts';
import { hasSameBody } from '../rdb/compare-payloads.ts';
import { unpackedSize } from '../rdb/unpacked-size.ts';
import { ValueDigest } from '../rdb/value-digest.ts';
import { untilWhole } from './value-end.ts';

/** @param mostBytes that both together may take in memory as a whole; by their pieces they are compared otherwise */
export function isSameValue(left: Buffer, right: Buffer, mostBytes: number): boolean {
  return hasSameBody(left, right) || isSameDecoded(left, right, mostBytes);
}

/**
 * The same for one that is read by and by.
 * @throws RespError of whoever reads it
 */
export async function isSameInPieces(payload: Buffer, large: LargeValue, mostBytes: number): Promise<boolean> {
  const read = await untilWhole(async () => {
    const digest = new ValueDigest();
    for await (const piece of large.pieces()) digest.add(piece);
    return digest;
  });
  return whereReadable(() => digestOf(payload, mostBytes).differenceFrom(read) === undefined);
}

function isSameDecoded(left: Buffer, right: Buffer, mostBytes: number): boolean {
  return whereReadable(() => {
    if (unpackedSize(left) + unpackedSize(right) <= mostBytes) {
      return differenceOf(decodePayload(left), decodePayload(right)) === undefined;
    }
    return digestOf(left, mostBytes).differenceFrom(digestOf(right, mostBytes)) === undefined;
  });
}

/** What cannot be read is not the same. */
function whereReadable(isSame: () => boolean): boolean {
  try {
    return isSame();
  } catch (error) {
    if (error instanceof PayloadError) return false;
    throw error;
  }
}

function digestOf(payload: Buffer, unpacked: number): ValueDigest {
  const digest = new ValueDigest();
  for (const piece of payloadPieces(payload, { ...DEFAULT_LIMITS, unpacked })) digest.add(piece);
  return digest;
}
