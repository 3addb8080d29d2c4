// A hash tag for each slot: what puts a key of any name beside another one.

import { slotOf } from './slot.ts';

/** Those of the numbers so far, the first of each slot. */
const tags: string[] = [];
let next = 0;

/** Decimal digits whose slot it is. One number in 16,384 belongs to each: no more than 109,757 are ever looked at. */
export function tagOf(slot: number): string {
  for (; tags[slot] === undefined; next++) tags[slotOf(Buffer.from(String(next)))] ??= String(next);
  return tags[slot];
}
