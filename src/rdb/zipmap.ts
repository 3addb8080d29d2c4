// A hash as Redis before 2.6 wrote it: fields (1) · (length · field · length · unused (1) · value · unused bytes) … · ff.
import { NEVER } from './milliseconds.ts';
import type { ByteReader } from './byte-reader.ts';
import type { Pull } from './pull.ts';
import type { HashField } from './value.ts';

const END = 0xff;
/** Lengths from here on have four bytes of their own. */
const LARGE_LENGTH = 0xfe;
/** With that many fields or more the first byte does not know. */
const UNCOUNTED = 0xfe;

/** @param reader the bytes of the zipmap and nothing else */
export function readZipmap(reader: ByteReader): Pull<HashField> {
  const count = reader.byte();
  let found = 0;
  return () => {
    const length = lengthIn(reader);
    if (length === undefined) {
      if (!reader.isAtEnd) throw reader.fail('bytes follow the end of the zipmap');
      if (count < UNCOUNTED && count !== found) throw reader.fail('the zipmap has another size than it says', 0);
      return undefined;
    }
    if (found === count && count < UNCOUNTED) throw reader.fail('the zipmap has another size than it says', 0);
    const field = reader.view(length);
    const valueLength = lengthIn(reader);
    if (valueLength === undefined) throw reader.fail('the field has no value');
    const unused = reader.byte();
    const value = reader.view(valueLength);
    reader.skip(unused);
    found += 1;
    return { field, value, expireAt: NEVER };
  };
}

/** @returns undefined at the end */
function lengthIn(reader: ByteReader): number | undefined {
  const first = reader.byte();
  if (first === END) return undefined;
  return first === LARGE_LENGTH ? reader.uint32() : first;
}
