// A comparison as a table of 37 columns: it fits any terminal.
import type { Comparison, Tally } from './comparison.ts';

const NAMES: Readonly<Record<string, string>> = { zset: 'sorted set' };
const TYPES = ['string', 'hash', 'list', 'set', 'zset', 'stream'];

/** Without a line end behind the last line. */
export function comparisonTable({ byType, all }: Comparison): string {
  const types = [...byType.keys()].toSorted((left, right) => TYPES.indexOf(left) - TYPES.indexOf(right));
  const lines = [
    line('', 'keys', 'same', 'different'),
    ...types.map((type) => tallyLine(NAMES[type] ?? type, byType.get(type)!)),
    tallyLine('all', all),
  ];
  return lines.join('\n');
}

function tallyLine(name: string, { keys, same }: Tally): string {
  const [total, alike, different] = [keys, same, keys - same].map((count) => count.toLocaleString('en'));
  return line(name, total!, alike!, different!);
}

function line(name: string, keys: string, same: string, different: string): string {
  return `  ${name.padEnd(10)}${keys.padStart(7)}${same.padStart(7)}${different.padStart(11)}`;
}
