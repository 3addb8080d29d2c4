// Which database goes where, as operators write it: 0:5,3:0.

import type { Kind } from './kind.ts';

const PAIRS = /^\d{1,9}:\d{1,9}(?:,\d{1,9}:\d{1,9})*$/;

/** Target database by source database. */
export const databaseMap: Kind<ReadonlyMap<number, number>> = {
  placeholder: 'N:N,...',
  expected: 'it takes pairs of a source and a target database such as 0:5,3:0, each source database once',
  parse(text) {
    if (!PAIRS.test(text)) return undefined;
    const pairs = text.split(',').map((pair) => pair.split(':').map(Number) as [source: number, target: number]);
    const map = new Map(pairs);
    return map.size === pairs.length ? map : undefined;
  },
};
