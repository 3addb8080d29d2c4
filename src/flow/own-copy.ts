// A copy of bytes in memory of its own, for what waits long: a small copy out of Node's pool keeps all of the pool alive.

/** The pool has 8 KiB on Node 20 and 22, 64 KiB on 24 and later. */
export function ownCopy(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}
