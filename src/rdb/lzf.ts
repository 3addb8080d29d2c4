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

/**
 * Copies are short and of any length, so what costs is that a processor cannot guess where their loops end: hence four
 * bytes a step, and three before the first step where there are three at least.
 * @returns undefined unless `input` is sound and gives exactly `length` bytes
 */
export function decompress(input: Buffer, length: number): Buffer | undefined {
  const output = Buffer.allocUnsafe(length);
  const { length: size } = input;
  let from = 0;
  let to = 0;
  while (from < size) {
    const control = input[from++]!;
    if (control < 0x20) {
      const end = to + control + 1;
      if (from + control + 1 > size || end > length) return undefined;
      for (const last = end - 3; to < last; to += 4, from += 4) {
        output[to] = input[from]!;
        output[to + 1] = input[from + 1]!;
        output[to + 2] = input[from + 2]!;
        output[to + 3] = input[from + 3]!;
      }
      while (to < end) output[to++] = input[from++]!;
      continue;
    }
    let count = control >>> 5;
    if (count === 7) count += input[from++] ?? length;
    let source = to - (((control & 0x1f) << 8) | (input[from++] ?? 0)) - 1;
    const end = to + count + 2;
    if (source < 0 || end > length || from > size) return undefined;
    // Byte by byte, for the copy may run into what it has just written: that is how a run is compressed.
    output[to] = output[source]!;
    output[to + 1] = output[source + 1]!;
    output[to + 2] = output[source + 2]!;
    to += 3;
    source += 3;
    while (to < end) output[to++] = output[source++]!;
  }
  return to === length ? output : undefined;
}
