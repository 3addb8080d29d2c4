// LZF, by which Redis shortens strings of more than 20 bytes; decompression alone, as plain strings are valid everywhere.
//
//   000nnnnn                       the n + 1 bytes that follow, as they are
//   nnnooooo oooooooo              n + 2 bytes (n below 7) from o + 1 bytes back in what has been written
//   111ooooo nnnnnnnn oooooooo     n + 9 bytes from there

/** Three bytes give 264 at most. */
const HIGHEST_RATIO = 88;

/** Whether so many bytes can come of so few: to be asked before any room is made for them. */
export function isPossibleLength(compressed: number, length: number): boolean {
  return length > 0 && length <= compressed * HIGHEST_RATIO;
}

/** @returns undefined unless `input` is sound and gives exactly `length` bytes */
export function decompress(input: Buffer, length: number): Buffer | undefined {
  const output = Buffer.allocUnsafe(length);
  let from = 0;
  let to = 0;
  while (from < input.length) {
    const control = input[from++]!;
    if (control < 0x20) {
      const end = from + control + 1;
      if (end > input.length || to + control + 1 > length) return undefined;
      while (from < end) output[to++] = input[from++]!;
      continue;
    }
    let count = control >>> 5;
    if (count === 7) count += input[from++] ?? length;
    let source = to - (((control & 0x1f) << 8) | (input[from++] ?? 0)) - 1;
    const end = to + count + 2;
    if (source < 0 || end > length || from > input.length) return undefined;
    // Byte by byte, for the copy may run into what it has just written: that is how a run is compressed.
    while (to < end) output[to++] = output[source++]!;
  }
  return to === length ? output : undefined;
}
