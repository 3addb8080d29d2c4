// Lists: one by one, in one ziplist, or in the nodes of a quicklist.
import type { ByteReader } from './byte-reader.ts';
import type { Elements } from './elements.ts';
import { Listpack } from './listpack.ts';
import { all, type Pull } from './pull.ts';
import type { Encoding } from './type-byte.ts';
import type { ListValue } from './value.ts';
import { Ziplist } from './ziplist.ts';

/** What a node of a quicklist is: one large element, or a listpack. */
const PLAIN = 1;
const PACKED = 2;

export function decodeList(reader: ByteReader, encoding: Encoding): ListValue {
  return { type: 'list', items: all(listItems(reader, encoding)) };
}

/** One at a time, for values that are too large to be held at once. */
export function listItems(reader: ByteReader, encoding: Encoding): Pull<Buffer> {
  let left = encoding === 'LIST_ZIPLIST' ? 1 : reader.count(1);
  let elements: Elements | undefined;
  return () => {
    while (elements === undefined || !elements.next()) {
      if (left === 0) return undefined;
      left -= 1;
      elements = packedIn(reader, encoding);
      if (elements === undefined) return reader.string();
    }
    return elements.bytes();
  };
}

/** @returns undefined where one item follows that is not packed */
function packedIn(reader: ByteReader, encoding: Encoding): Elements | undefined {
  if (encoding === 'LIST') return undefined;
  if (encoding !== 'LIST_QUICKLIST_2') return new Ziplist(reader.packed('ziplist'));
  const start = reader.at;
  const container = reader.length();
  if (container === PLAIN) return undefined;
  if (container === PACKED) return new Listpack(reader.packed('listpack'));
  throw reader.fail(`there is no node of kind ${container} in a list`, start);
}
