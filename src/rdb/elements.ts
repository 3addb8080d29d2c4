// Elements one after the other: those of a listpack or a ziplist, and those of any collection.

export interface Elements {
  /**
   * Steps to the next element; false behind the last one.
   * @throws PayloadError
   */
  next(): boolean;
  /** The element as a byte string, whichever it is. */
  bytes(): Buffer;
  /** `undefined`: it is a byte string. A bigint only where a number would not be exact. */
  integer(): number | bigint | undefined;
  /** The error to throw about this element. */
  fail(why: string): Error;
}

/** What must follow, since elements come in pairs or more. */
export function demandNext(elements: Elements): void {
  if (!elements.next()) throw elements.fail('an element is missing behind the last one');
}

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
