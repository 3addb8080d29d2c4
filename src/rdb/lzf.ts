// LZF, by which Redis shortens strings of more than 20 bytes; decompression alone, as plain strings are valid everywhere.
//
//   000nnnnn                       the n + 1 bytes that follow, as they are
//   nnnooooo oooooooo              n + 2 bytes (n below 7) from o + 1 bytes back in what has been written
//   111ooooo nnnnnnnn oooooooo     n + 9 bytes from there

/** Three bytes give 264 at most. */
const HIGHEST_RATIO = 88;

/** Most bytes that so few can unpack to. */
export function mostLength(compressed: number): number {
  return compressed * HIGHEST_RATIO;
}

/** Whether so few bytes can unpack to so many: ask before memory is taken for them. */
export function isPossibleLength(compressed: number, length: number): boolean {
  return length > 0 && length <= mostLength(compressed);
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

/** As far back as a copy may come from. */
const WINDOW_BYTES = 8192;
/** What one step gives at most. */
const STEP_BYTES = 264;

/**
 * The same in pieces of so many bytes, the last one shorter; one is held at a time. It is slower than `decompress`.
 * @returns whether `input` is sound and gives exactly `length` bytes
 */
export function* decompressPieces(input: Buffer, length: number, bytes: number): Generator<Buffer, boolean> {
  const room = Buffer.allocUnsafeSlow(WINDOW_BYTES + bytes + STEP_BYTES);
  /** Where the bytes begin that were not yielded yet; copies refer to those before. */
  let start = 0;
  let to = 0;
  let given = 0;
  for (let from = 0; from < input.length;) {
    const next = step(input, from, room, to);
    if (next === undefined || given + next.to - start > length) return false;
    ({ from, to } = next);
    for (; to - start >= bytes; given += bytes, start += bytes) yield Buffer.from(room.subarray(start, start + bytes));
    // The room has to hold another step.
    if (start > WINDOW_BYTES) {
      const first = start - WINDOW_BYTES;
      room.copyWithin(0, first, to);
      to -= first;
      start = WINDOW_BYTES;
    }
  }
  const rest = to - start;
  if (rest > 0) yield Buffer.from(room.subarray(start, to));
  return given + rest === length;
}

/** The first bytes, at most so many. */
export function decompressHead(input: Buffer, bytes: number): Buffer {
  const room = Buffer.alloc(bytes + STEP_BYTES);
  let to = 0;
  for (let from = 0; from < input.length && to < bytes;) {
    const next = step(input, from, room, to);
    if (next === undefined) break;
    ({ from, to } = next);
  }
  return room.subarray(0, Math.min(to, bytes));
}

/** Performs one step, and returns both positions behind it; undefined if the input is damaged. */
function step(input: Buffer, start: number, output: Buffer, at: number): { from: number; to: number } | undefined {
  let from = start;
  let to = at;
  const control = input[from++]!;
  if (control < 0x20) {
    const end = from + control + 1;
    if (end > input.length) return undefined;
    input.copy(output, to, from, end);
    return { from: end, to: to + control + 1 };
  }
  let count = (control >>> 5) + 2;
  if (count === 9) count += input[from++] ?? 0;
  const source = to - (((control & 0x1f) << 8) | (input[from++] ?? 0)) - 1;
  if (source < 0 || from > input.length) return undefined;
  for (let left = count, back = source; left > 0; left -= 1) output[to++] = output[back++]!;
  return { from, to };
}
