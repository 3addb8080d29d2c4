// Whether two payloads hold the same bytes of the same type: two servers stamp them with versions of their own.

/** Behind the value: two bytes of version, eight of checksum. */
const FOOTER_BYTES = 10;

export function isSameValue(left: Buffer, right: Buffer): boolean {
  return (
    left.length === right.length &&
    left.compare(right, 0, right.length - FOOTER_BYTES, 0, left.length - FOOTER_BYTES) === 0
  );
}
