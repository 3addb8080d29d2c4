// The kinds of values that flags take: how a text is read, and what to say of one that cannot be.

import { parseAddress } from '../../resp/address.ts';

export interface Kind<T> {
  /** What stands for the value in the help; a switch takes none. */
  readonly placeholder?: string;
  /** What is allowed, as the end of "Cannot use "x" for --flag: …". */
  readonly expected: string;
  /** What was probably meant by a text that is refused. */
  readonly suggest?: (text: string) => string | undefined;
  /** `undefined` refuses the text. May throw an AddressError. */
  parse(text: string): T | undefined;
}

export const toggle: Kind<boolean> = {
  expected: 'it is either on (1, true, yes, on) or off (0, false, no, off)',
  parse(text) {
    if (/^(?:1|true|yes|on)$/i.test(text)) return true;
    return /^(?:0|false|no|off|)$/i.test(text) ? false : undefined;
  },
};

/** The text itself, known to be an address. */
export const endpoint: Kind<string> = {
  placeholder: 'ENDPOINT',
  expected: 'it takes an address',
  parse(text) {
    parseAddress(text);
    return text;
  },
};

export const file: Kind<string> = {
  placeholder: 'FILE',
  expected: 'it takes the path of a file',
  parse: (text) => text,
};

/** A text that is taken as it is. */
export function text(placeholder: string, expected: string): Kind<string> {
  return { placeholder, expected, parse: (given) => given };
}

/** The name of a type, as TYPE gives it; those of modules are their own. */
export const typeName: Kind<string> = {
  placeholder: 'TYPE',
  expected: 'it takes the name of a type: string, list, set, zset, hash, stream, or one of a module',
  parse: (given) => (/^[\w.-]+$/.test(given) ? given : undefined),
};

export function wholeNumber(least: number): Kind<number> {
  return {
    placeholder: 'N',
    expected: `it takes a whole number from ${least} up`,
    parse(text) {
      const number = Number(text);
      return /^\d{1,9}$/.test(text) && number >= least ? number : undefined;
    },
  };
}

export function oneOf<const T extends string>(...words: readonly T[]): Kind<T> {
  return {
    placeholder: words.join('|'),
    expected: `it is one of ${words.join(', ')}`,
    parse: (text) => words.find((word) => word === text),
  };
}
