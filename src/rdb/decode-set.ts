// Sets: one by one, of integers alone, or in a listpack.
import type { ByteReader } from './byte-reader.ts';
import { readIntset } from './intset.ts';
import { Listpack } from './listpack.ts';
import type { Encoding } from './type-byte.ts';
import type { SetValue } from '../value.ts';

export function decodeSet(reader: ByteReader, encoding: Encoding): SetValue {
  const members: Buffer[] = [];
  for (const member of setMembers(reader, encoding)) members.push(member);
  return { type: 'set', members };
}

/** One at a time, for values that are too large to be held at once. */
export function* setMembers(reader: ByteReader, encoding: Encoding): Generator<Buffer> {
  if (encoding === 'SET_INTSET') yield* readIntset(reader.packed('intset'));
  else if (encoding === 'SET_LISTPACK') {
    const elements = new Listpack(reader.packed('listpack'));
    while (elements.next()) yield elements.bytes();
  } else for (let left = reader.count(1); left > 0; left -= 1) yield reader.string();
}
