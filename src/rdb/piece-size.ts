// How many bytes of elements a piece of a value has, and how many elements.
import type { ValuePiece } from './value.ts';

const SCORE_BYTES = 8;

export function sizeOfPiece(piece: ValuePiece): number {
  switch (piece.type) {
    case 'string':
      return piece.value.length;
    case 'list':
      return total(piece.items, ({ length }) => length);
    case 'set':
      return total(piece.members, ({ length }) => length);
    case 'zset':
      return total(piece.entries, ({ member }) => member.length + SCORE_BYTES);
    case 'hash':
      return total(piece.fields, ({ field, value }) => field.length + value.length);
    default:
      return total(piece.entries, ({ fields }) => total(fields, ({ length }) => length));
  }
}

/** Elements; of a string its bytes. */
export function lengthOfPiece(piece: ValuePiece): number {
  switch (piece.type) {
    case 'string':
      return piece.value.length;
    case 'list':
      return piece.items.length;
    case 'set':
      return piece.members.length;
    case 'hash':
      return piece.fields.length;
    default:
      return piece.entries.length;
  }
}

function total<T>(elements: readonly T[], bytesOf: (element: T) => number): number {
  return elements.reduce((bytes, element) => bytes + bytesOf(element), 0);
}
