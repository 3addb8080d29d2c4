// Scores of sorted sets as decimal text: read in every form that servers write, and written so that the same double comes back.
import type { ByteReader } from './byte-reader.ts';

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
const INFINITE = /^([-+]?)inf(inity)?$/i;
const NOT_A_NUMBER = /^[-+]?nan$/i;
/** No text: the length byte says it all. */
const NAN = 253;
const INFINITY = 254;
const MINUS_INFINITY = 255;

/** @returns undefined for what is no score */
export function parseScore(text: string): number | undefined {
  if (NUMBER.test(text)) return Number(text);
  const infinite = INFINITE.exec(text);
  if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity;
  return NOT_A_NUMBER.test(text) ? NaN : undefined;
}

/** One length byte and text, as in sorted sets before Redis 4.0. */
export function readTextScore(reader: ByteReader): number {
  const start = reader.at;
  const length = reader.byte();
  if (length === NAN) return NaN;
  if (length === INFINITY) return Infinity;
  if (length === MINUS_INFINITY) return -Infinity;
  const score = parseScore(reader.view(length).toString('latin1'));
  if (score === undefined) throw reader.fail('the score is not a number', start);
  return score;
}

/** As ZADD takes it; JavaScript writes the shortest digits that give the same double. */
export function formatScore(score: number): string {
  if (score === Infinity) return 'inf';
  if (score === -Infinity) return '-inf';
  return Object.is(score, -0) ? '-0' : String(score);
}
