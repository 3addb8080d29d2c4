// Sizes as operators write them: 512, 64k, 1.5G.

import type { Kind } from './kind.ts';

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Bytes. */
export const size: Kind<number> = {
  placeholder: 'SIZE',
  expected: 'it takes bytes, or a number with k, M or G (1024), such as 64M, and 1 at least',
  parse(text) {
    const [, number, unit] = /^(\d+(?:\.\d+)?)(?:([kmg])(?:i?b)?)?$/i.exec(text) ?? [];
    const bytes = Math.floor(Number(number) * UNITS[(unit ?? '').toLowerCase()]!);
    return bytes >= 1 && bytes <= Number.MAX_SAFE_INTEGER ? bytes : undefined;
  },
};
