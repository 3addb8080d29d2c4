// Keys and texts in which what a terminal or a browser would obey becomes an escape: one line each.

/** Any byte string as one line of ASCII that can be decoded again: `\\`, `\"` and `\xHH`. */
export function escapeKey(key: Buffer): string {
  // Latin-1 gives one character a byte.
  return key.toString('latin1').replaceAll(/[^ !#-[\]-~]/g, (character) => {
    return character === '\\' || character === '"' ? `\\${character}` : hex(character);
  });
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
