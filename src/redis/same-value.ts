// Whether two payloads hold the same value: two servers pack values in their own ways.

import { differenceOf } from '../rdb/compare.ts';
import { decodePayload } from '../rdb/decode.ts';
import { PayloadError } from '../rdb/payload-error.ts';
import { hasSameBody } from '../rdb/same-body.ts';

export function isSameValue(left: Buffer, right: Buffer): boolean {
  return hasSameBody(left, right) || isSameDecoded(left, right);
}

/** What cannot be read is not the same. */
function isSameDecoded(left: Buffer, right: Buffer): boolean {
  try {
    return differenceOf(decodePayload(left), decodePayload(right)) === undefined;
  } catch (error) {
    if (error instanceof PayloadError) return false;
    throw error;
  }
}
