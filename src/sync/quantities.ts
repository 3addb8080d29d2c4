// Sizes, times and numbers as an operator writes them, on a command line or to a run that is under way.

/** What a text is that stands for a number. */
export interface Quantity {
  /** What stands for the value in the help. */
  readonly placeholder: string;
  /** What is allowed, as the end of "Cannot use "x" for --flag: …". */
  readonly expected: string;
  /** What a refused text probably meant. */
  readonly suggest?: (text: string) => string | undefined;
  /** `undefined` refuses the text. */
  readonly parse: (text: string) => number | undefined;
}

export function wholeNumber(least: number): Quantity {
  return {
    placeholder: 'N',
    expected: `it takes a whole number from ${least} up`,
    parse(text) {
      const number = Number(text);
      return /^\d{1,9}$/.test(text) && number >= least ? number : undefined;
    },
  };
}

const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Bytes: 512, 64k, 1.5G. */
export const size: Quantity = {
  placeholder: 'SIZE',
  expected: 'it takes bytes, or a number with k, M or G (1024), such as 64M, and 1 at least',
  parse(text) {
    const [, number, unit] = /^(\d+(?:\.\d+)?)(?:([kmg])(?:i?b)?)?$/i.exec(text) ?? [];
    const bytes = Math.floor(Number(number) * SIZE_UNITS[(unit ?? '').toLowerCase()]!);
    return bytes >= 1 && bytes <= Number.MAX_SAFE_INTEGER ? bytes : undefined;
  },
};

/** The same, with a bound. */
export function sizeUpTo(most: number): Quantity {
  return {
    ...size,
    expected: `${size.expected} and ${most} at most`,
    parse(text) {
      const bytes = size.parse(text);
      return bytes === undefined || bytes > most ? undefined : bytes;
    },
  };
}

const HOUR_MS = 3_600_000;
const TIME_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: HOUR_MS };
/** A timer of Node with more than 2^31 ms fires at once. */
const LONGEST_HOURS = 500;

/** Milliseconds, at least one: 500ms, 30s, 1.5m, 2h. */
export const duration: Quantity = {
  placeholder: 'TIME',
  expected: `it takes a number with ms, s, m or h, such as 30s, from 1ms up to ${LONGEST_HOURS}h`,
  suggest: (text) => (/^\d+(?:\.\d+)?$/.test(text) ? `${text}s` : undefined),
  parse(text) {
    const [, number, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/i.exec(text) ?? [];
    const ms = Math.round(Number(number) * TIME_UNITS[unit.toLowerCase()]!);
    return ms >= 1 && ms <= LONGEST_HOURS * HOUR_MS ? ms : undefined;
  },
};

/** Milliseconds; `0` needs no unit. */
export const durationOrZero: Quantity = {
  ...duration,
  parse: (text) => (/^0+(?:ms|s|m|h)?$/i.test(text) ? 0 : duration.parse(text)),
};
