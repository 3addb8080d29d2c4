// How many elements of a large value to ask for at once, so that a reply is about as long as is wanted.

export const FIRST_PAGE = 32;
const MOST = 1024;
/** Bytes of a reply that are aimed at, unless others are asked for. */
export const PIECE_BYTES = 1024 * 1024;
/** A page may be so many times as large as the one before: the sizes of elements change. */
const MOST_GROWTH = 4;

/**
 * @param bytes how many the last page had, of about `count` elements
 * @param wanted how many a page should have
 */
export function pageSizeAfter(count: number, bytes: number, wanted: number): number {
  const fitting = bytes === 0 ? MOST : (count * wanted) / bytes;
  return Math.max(1, Math.min(MOST, count * MOST_GROWTH, Math.floor(fitting)));
}
