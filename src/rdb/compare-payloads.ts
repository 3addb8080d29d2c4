// Whether two payloads are the same but for their footers: two servers stamp the same bytes with versions of their own.
import { FOOTER_BYTES, versionOf } from './footer.ts';
import { FIRST_VALKEY_VERSION, lastCommonTypeByte } from './type-byte.ts';

export function hasSameBody(left: Buffer, right: Buffer): boolean {
  const end = left.length - FOOTER_BYTES;
  return (
    left.length === right.length && end > 0 && left.compare(right, 0, end, 0, end) === 0 && meansTheSame(left, right)
  );
}

/** Whether the type byte that both begin with is of one and the same encoding. */
function meansTheSame(left: Buffer, right: Buffer): boolean {
  return left[0]! <= lastCommonTypeByte || isOfValkey(left) === isOfValkey(right);
}

function isOfValkey(payload: Buffer): boolean {
  return versionOf(payload) >= FIRST_VALKEY_VERSION;
}
