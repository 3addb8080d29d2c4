// What a listpack and a ziplist have in common for those who read them: byte strings and integers, one after the other.

export interface Elements {
  /**
   * AskedKeys to the next element; false behind the last one.
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
