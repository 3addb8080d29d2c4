// The slot of a key, computed bit by bit from the specification: independent of the program's own table.

/** CRC16/XMODEM of the key, or of its hash tag, modulo 16384. */
export function slotOfKey(key: Buffer | string): number {
  const bytes = Buffer.from(key);
  const open = bytes.indexOf('{');
  const close = open === -1 ? -1 : bytes.indexOf('}', open + 1);
  const hashed = close > open + 1 ? bytes.subarray(open + 1, close) : bytes;
  let crc = 0;
  for (const byte of hashed) {
    for (let bit = 7; bit >= 0; bit--) {
      const out = ((crc >> 15) & 1) ^ ((byte >> bit) & 1);
      crc = (crc << 1) & 0xffff;
      if (out === 1) crc ^= 0x1021;
    }
  }
  return crc % 16_384;
}
