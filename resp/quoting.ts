// Bytes as Redis quotes them, and redis-cli: every one of them can be told from the text.

import type { Buffer } from 'node:buffer';

const SHORT: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '"': '\\"',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\x07': '\\a',
  '\b': '\\b',
};
const FORMS: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  const isPlain = character >= ' ' && character <= '~';
  return SHORT[character] ?? (isPlain ? character : `\\x${byte.toString(16).padStart(2, '0')}`);
});

/** Without the quotes around it. */
export function quoted(bytes: Buffer): string {
  let text = '';
  for (const byte of bytes) text += FORMS[byte]!;
  return text;
}
