// Durations as operators write them: 500ms, 30s, 1.5m, 2h.

import type { Kind } from './kind.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** With a longer one a timer of Node would fire at once. */
const LONGEST_HOURS = 500;

/** Milliseconds, one at least. */
export const duration: Kind<number> = {
  placeholder: 'TIME',
  expected: `it takes a number with ms, s, m or h, such as 30s, from 1ms up to ${LONGEST_HOURS}h`,
  suggest: (text) => (/^\d+(?:\.\d+)?$/.test(text) ? `${text}s` : undefined),
  parse(text) {
    const [, number, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/i.exec(text) ?? [];
    const ms = Math.round(Number(number) * UNITS[unit.toLowerCase()]!);
    return ms >= 1 && ms <= LONGEST_HOURS * UNITS['h']! ? ms : undefined;
  },
};

/** Milliseconds; `0` needs no unit. */
export const durationOrZero: Kind<number> = {
  ...duration,
  parse: (text) => (/^0+(?:ms|s|m|h)?$/i.test(text) ? 0 : duration.parse(text)),
};
