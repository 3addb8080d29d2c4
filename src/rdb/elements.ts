// Elements one after the other: those of a listpack or a ziplist, and those of any collection.

export interface Elements {
  /**
   * Steps to the next element; false behind the last one.
   * @throws PayloadError
   */
  next(): boolean;
  /** The element as a byte string, also if it is an integer. */
  bytes(): Buffer;
  /** `undefined` if it is a byte string; a bigint only if a number would not be exact. */
  integer(): number | bigint | undefined;
  /** The error to throw about this element. */
  fail(why: string): Error;
}

/** Steps to an element that must exist, as the elements form pairs or larger groups. */
export function demandNext(elements: Elements): void {
  if (!elements.next()) throw elements.fail('an element is missing behind the last one');
}

/** Returns the next element, undefined after the last one. Generators would make decoding a tenth slower. */
export type Pull<T> = () => T | undefined;

export function all<T>(next: Pull<T>): T[] {
  const elements: T[] = [];
  for (let element = next(); element !== undefined; element = next()) elements.push(element);
  return elements;
}

export function* each<T>(next: Pull<T>): Generator<T> {
  for (let element = next(); element !== undefined; element = next()) yield element;
}
