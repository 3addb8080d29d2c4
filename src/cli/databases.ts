// Databases as operators write them: 0,3 or all.

import type { Kind } from './kind.ts';

const LIST = /^\d{1,9}(?:,\d{1,9})*$/;

/** In the order given, none twice. */
export const databases: Kind<readonly number[] | 'all'> = {
  placeholder: 'N,...|all',
  expected: 'it takes numbers from 0 up such as 0,3, each of them once, or all',
  parse(text) {
    if (text === 'all') return text;
    if (!LIST.test(text)) return undefined;
    const numbers = text.split(',').map(Number);
    return new Set(numbers).size === numbers.length ? numbers : undefined;
  },
};
