// A part of a sequence by first and last place, both inclusive; negative places count from the end.
import { integerOf } from './argument.ts';

export function sliceOf<T>(items: readonly T[], first: Buffer | undefined, last: Buffer | undefined): readonly T[] {
  const place = (arg: Buffer | undefined): number => {
    const index = integerOf(arg);
    return index < 0 ? index + items.length : index;
  };
  const [start, end] = [place(first), place(last)];
  return end < 0 ? [] : items.slice(Math.max(0, start), end + 1);
}
