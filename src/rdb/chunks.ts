// Many elements in several commands: so many, and about so many bytes, in each, whatever the size of the value.

export interface ChunkLimits {
  /** Elements of a command at most. */
  readonly elements: number;
  /** Bytes of elements, after which the command ends. No element is cut but a string, which has no others. */
  readonly bytes: number;
}

export const DEFAULT_LIMITS: ChunkLimits = { elements: 1024, bytes: 1024 * 1024 };

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
