// Keys and texts in which what a terminal or a browser would obey becomes an escape: one line each.

import { Buffer } from 'node:buffer';
import { formatBytes } from './figures.ts';

const BACKSLASH = 0x5c;
/** Of `\xHH`. */
const HEX_WIDTH = 4;
/** How many characters a byte takes. */
const WIDTHS = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte === BACKSLASH || byte === 0x22 ? 2 : byte >= 0x20 && byte < 0x7f ? 1 : HEX_WIDTH,
);

/** Any byte string as one line of ASCII that can be decoded again: `\\`, `\"` and `\xHH`. */
export function escapeKey(key: Buffer): string {
  let more = 0;
  for (const byte of key) more += WIDTHS[byte]! - 1;
  // Latin-1 gives one character a byte.
  if (more === 0) return key.toString('latin1');
  const escaped = Buffer.allocUnsafe(key.length + more);
  let at = 0;
  for (const byte of key) {
    const width = WIDTHS[byte]!;
    if (width > 1) escaped[at++] = BACKSLASH;
    if (width === HEX_WIDTH) at += escaped.write(`x${code(byte, 2)}`, at, 'latin1');
    else escaped[at++] = byte;
  }
  return escaped.toString('latin1');
}

/**
 * The same of its first bytes; where these are not all, how many there are stands behind.
 * @param most bytes that are shown
 * @param quote stands around them
 * @param length of the whole, where `key` is only its beginning
 */
export function shortKey(key: Buffer, most: number, quote: '' | '"' = '', length = key.length): string {
  const rest = length > most ? `… (${formatBytes(length)})` : '';
  return `${quote}${escapeKey(key.subarray(0, most))}${quote}${rest}`;
}

/** What a terminal obeys or does not show: controls, marks of direction, line separators, lone surrogates. */
export const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
const ALL_UNSEEN = new RegExp(UNSEEN, 'gu');

/** A text as one line that a terminal does not obey, whatever a server put into it. Escapes in it are left as they are. */
export function escapeControls(text: string): string {
  return text.replaceAll(ALL_UNSEEN, hex);
}

/** The same for JSON, which keeps its meaning. */
export function escapeJson(json: string): string {
  return json.replaceAll(ALL_UNSEEN, (character) =>
    Array.from({ length: character.length }, (_, i) => `\\u${code(character.charCodeAt(i), 4)}`).join(''),
  );
}

function hex(character: string): string {
  const point = character.codePointAt(0)!;
  return point <= 0xff ? `\\x${code(point, 2)}` : `\\u{${code(point, 4)}}`;
}

function code(point: number, digits: number): string {
  return point.toString(16).padStart(digits, '0');
}
