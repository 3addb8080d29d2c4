// Which of the 16,384 slots a key belongs to: CRC16/XMODEM of its name, or of its hash tag.

export const SLOTS = 16_384;

const OPEN = 123;
const CLOSE = 125;
const POLYNOMIAL = 0x1021;
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let sum = byte << 8;
  for (let bit = 0; bit < 8; bit++) sum = (sum << 1) ^ (sum & 0x8000 ? POLYNOMIAL : 0);
  return sum;
});

export function slotOf(key: Buffer): number {
  let start = 0;
  let end = key.length;
  const open = key.indexOf(OPEN);
  if (open !== -1) {
    const close = key.indexOf(CLOSE, open + 1);
    // An empty tag is none.
    if (close > open + 1) {
      start = open + 1;
      end = close;
    }
  }
  let sum = 0;
  for (let i = start; i < end; i++) sum = ((sum << 8) & 0xffff) ^ TABLE[(sum >> 8) ^ key[i]!]!;
  return sum & (SLOTS - 1);
}
