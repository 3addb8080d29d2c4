// Which command tells how long a value is.

import type { ValuePiece } from '../rdb/value.ts';

/** Elements, or the bytes of a string. */
export const COUNT_COMMANDS: Readonly<Record<ValuePiece['type'], string>> = {
  string: 'STRLEN',
  list: 'LLEN',
  set: 'SCARD',
  zset: 'ZCARD',
  hash: 'HLEN',
  stream: 'XLEN',
};
