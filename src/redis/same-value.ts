// Whether two payloads hold the same value. Two servers stamp them with versions of their own, and pack values in their own ways.

import { differenceOf } from '../rdb/compare.ts';
import { decodePayload } from '../rdb/decode.ts';
import { FOOTER_BYTES } from '../rdb/footer.ts';
import { PayloadError } from '../rdb/payload-error.ts';

export function isSameValue(left: Buffer, right: Buffer): boolean {
  return hasSameBody(left, right) || isSameDecoded(left, right);
}

function hasSameBody(left: Buffer, right: Buffer): boolean {
  return (
    left.length === right.length &&
    left.compare(right, 0, right.length - FOOTER_BYTES, 0, left.length - FOOTER_BYTES) === 0
  );
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
