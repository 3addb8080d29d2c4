// Sets: one by one, of integers alone, or in a listpack.
import type { ByteReader } from './byte-reader.ts';
import type { Elements } from './elements.ts';
import { readIntset } from './intset.ts';
import { Listpack } from './listpack.ts';
import { all, type Pull } from './pull.ts';
import type { Encoding } from './type-byte.ts';
import type { SetValue } from './value.ts';

export function decodeSet(reader: ByteReader, encoding: Encoding): SetValue {
  return { type: 'set', members: all(setMembers(reader, encoding)) };
}

/** One at a time, for values that are too large to be held at once. */
export function setMembers(reader: ByteReader, encoding: Encoding): Pull<Buffer> {
  if (encoding === 'SET_INTSET') return readIntset(reader.packed('intset'));
  if (encoding === 'SET_LISTPACK') return packed(new Listpack(reader.packed('listpack')));
  return plain(reader);
}

function plain(reader: ByteReader): Pull<Buffer> {
  let left = reader.count(1);
  return () => {
    if (left === 0) return undefined;
    left -= 1;
    return reader.string();
  };
}

function packed(elements: Elements): Pull<Buffer> {
  return () => (elements.next() ? elements.bytes() : undefined);
}
