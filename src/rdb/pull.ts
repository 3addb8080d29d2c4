// Elements one at a time at the call of who wants them: all of them for a whole value, or as they come for its pieces.

/** Gives the next one, and undefined behind the last. With generators all of decoding takes a tenth longer. */
export type Pull<T> = () => T | undefined;

export function all<T>(next: Pull<T>): T[] {
  const elements: T[] = [];
  for (let element = next(); element !== undefined; element = next()) elements.push(element);
  return elements;
}

export function* each<T>(next: Pull<T>): Generator<T> {
  for (let element = next(); element !== undefined; element = next()) yield element;
}
