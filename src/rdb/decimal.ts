// Integers as Redis shows them, in decimal digits: how the integers inside of a payload become byte strings again.

const MINUS = 0x2d;
const ZERO = 0x30;
/** From here on digits are found by way of a string, which is exact for every bigint. */
const LIMIT = 1e9;

export function decimal(integer: number | bigint): Buffer {
  if (typeof integer === 'bigint' || integer >= LIMIT || integer <= -LIMIT) {
    return Buffer.from(integer.toString(), 'latin1');
  }
  let rest = integer < 0 ? -integer : integer;
  let length = integer < 0 ? 2 : 1;
  for (let above = 10; above <= rest; above *= 10) length += 1;
  const digits = Buffer.allocUnsafe(length);
  for (let at = length - 1; at >= 0; at -= 1) {
    const tenth = (rest / 10) | 0;
    digits[at] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
  if (integer < 0) digits[0] = MINUS;
  return digits;
}
