// The pieces of a value put together again, for those who compare values.
import type { LargeValue } from '../../src/flow/entry.ts';
import type { StreamEntry, Value, ValuePiece } from '../../src/rdb/value.ts';

export async function wholeValue(large: LargeValue): Promise<Value> {
  const pieces: ValuePiece[] = [];
  for await (const piece of large.pieces()) pieces.push(piece);
  const [first] = pieces;
  if (first === undefined) throw new Error(`A ${large.type} has no pieces`);
  switch (first.type) {
    case 'string':
      return { type: 'string', value: Buffer.concat(all(pieces, first.type, ({ value }) => [value])) };
    case 'list':
      return { type: 'list', items: all(pieces, first.type, ({ items }) => items) };
    case 'set':
      return { type: 'set', members: all(pieces, first.type, ({ members }) => members) };
    case 'zset':
      return { type: 'zset', entries: all(pieces, first.type, ({ entries }) => entries) };
    case 'hash':
      return { type: 'hash', fields: all(pieces, first.type, ({ fields }) => fields) };
    default: {
      const entries = all(pieces, first.type, (piece): readonly StreamEntry[] => piece.entries);
      const { gone: _gone, ...head } = first.head;
      return { type: 'stream', ...head, entries, firstId: entries[0]?.id ?? { ms: 0n, seq: 0n } };
    }
  }
}

function all<Type extends ValuePiece['type'], Part>(
  pieces: readonly ValuePiece[],
  type: Type,
  partsOf: (piece: Extract<ValuePiece, { type: Type }>) => readonly Part[],
): Part[] {
  return pieces.flatMap((piece) => {
    if (piece.type !== type) throw new Error(`A piece of a ${type} is one of a ${piece.type}`);
    return partsOf(piece as Extract<ValuePiece, { type: Type }>);
  });
}
