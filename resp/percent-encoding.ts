// Percent-encoding of one part of an address. Lenient when it reads: whoever types a raw password is understood.

/** A `%` not followed by two hex digits is itself, and so are encoded bytes that are no UTF-8. */
export function percentDecode(text: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (run) => {
    try {
      return decodeURIComponent(run);
    } catch {
      return run;
    }
  });
}

/** Encodes all but letters, digits and `-._~`, and the characters that are to be kept. */
export function percentEncode(text: string, keep = ''): string {
  return text.replaceAll(/[^A-Za-z0-9._~-]/gu, (character) => {
    if (keep.includes(character)) return character;
    return Buffer.from(character).toString('hex').toUpperCase().replaceAll(/../g, '%$&');
  });
}
