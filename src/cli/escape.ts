// Bytes and texts that others chose, made safe to print: what is not plain becomes an escape.

/** Any byte string on one line of ASCII; it can be turned back: `\\`, `\"` and `\xHH`. */
export function escapeKey(key: Buffer): string {
  // Latin-1 gives one character a byte.
  return key.toString('latin1').replaceAll(/[^ !#-[\]-~]/g, (character) => {
    return character === '\\' || character === '"' ? `\\${character}` : hex(character);
  });
}

/** What a terminal obeys or does not show: controls, what turns the direction of a text, other line ends, halves of characters. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** A text on one line for the terminal, which must not obey what a server put in there. What is escaped stays so. */
export function escapeControls(text: string): string {
  return text.replaceAll(UNSEEN, hex);
}

/** The same in a text that is JSON: it means what it meant. */
export function escapeJson(json: string): string {
  return json.replaceAll(UNSEEN, (character) =>
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
