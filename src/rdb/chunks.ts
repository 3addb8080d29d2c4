// Many elements in several commands: so many, and about so many bytes, in each, whatever the size of the value.

export interface ChunkLimits {
  /** Elements of a command at most. */
  readonly elements: number;
  /** Bytes of elements, after which the command ends. No element is cut but a string, which has no others. */
  readonly bytes: number;
  /** Of one string, decompressed, that has to be held as a whole: an element, or several packed into one. Default 64 MiB. */
  readonly unpacked?: number;
}

export const DEFAULT_LIMITS: ChunkLimits = { elements: 1024, bytes: 1024 * 1024 };

const DEFAULT_UNPACKED = 64 * 1024 * 1024;

/** A value that is held as a whole may take so much, so one of its strings may as well. */
export function mostUnpacked({ unpacked = 0 }: ChunkLimits): number {
  return Math.max(unpacked, DEFAULT_UNPACKED);
}

export function* chunksOf<T>(
  elements: Iterable<T>,
  bytesOf: (element: T) => number,
  limits: ChunkLimits,
): Generator<T[]> {
  let chunk: T[] = [];
  let bytes = 0;
  for (const element of elements) {
    chunk.push(element);
    bytes += bytesOf(element);
    if (chunk.length < limits.elements && bytes < limits.bytes) continue;
    yield chunk;
    chunk = [];
    bytes = 0;
  }
  if (chunk.length > 0) yield chunk;
}
