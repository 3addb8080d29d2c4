// The type of a payload, from its first byte and its RDB version alone; nothing of the value is read.
import { versionOf } from './footer.ts';
import { encodingOf, newerForm, typeOfEncoding } from './type-byte.ts';
import type { ValueType } from './value.ts';

/**
 * @returns undefined for a type byte that none of the known servers writes
 * @throws PayloadError for less than a payload has
 */
export function typeOf(payload: Buffer): ValueType | undefined {
  const version = versionOf(payload);
  const encoding = encodingOf(payload[0]!, version);
  return encoding === undefined ? undefined : typeOfEncoding(encoding);
}

/** In words, of a payload whose type is unknown. */
export function formOf(payload: Buffer): string {
  return newerForm(payload[0]!, versionOf(payload));
}
