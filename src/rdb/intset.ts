// A set of integers: bytes of each, 2, 4 or 8 (4) · how many (4) · the integers, little-endian, upward.
import { formatCount } from '../../resp/figures.ts';
import type { ByteReader } from './byte-reader.ts';
import { decimal } from './decimal.ts';
import type { Pull } from './pull.ts';

const HEADER_BYTES = 8;

/** @param reader the bytes of the intset and nothing else */
export function readIntset(reader: ByteReader): Pull<Buffer> {
  const width = reader.uint32();
  const count = reader.uint32();
  if (width !== 2 && width !== 4 && width !== 8) throw reader.fail(`integers have no ${formatCount(width)} bytes`, 0);
  if (count * width !== reader.left) throw reader.fail('the intset has another size than it says', 4);
  const { bytes } = reader;
  let next = HEADER_BYTES;
  return () => {
    const at = next;
    if (at === bytes.length) return undefined;
    next = at + width;
    return decimal(width === 8 ? bytes.readBigInt64LE(at) : bytes.readIntLE(at, width));
  };
}
