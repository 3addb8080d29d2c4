// Bytes and texts that others chose, made safe to print: what is not plain becomes an escape.

/** Any byte string on one line of ASCII; it can be turned back: `\\`, `\"` and `\xHH`. */
export function escapeKey(key: Buffer): string {
  // Latin-1 gives one character a byte.
  return key.toString('latin1').replaceAll(/[^ !#-[\]-~]/g, (character) => {
    return character === '\\' || character === '"' ? `\\${character}` : hex(character);
  });
}

/** A text for the terminal, which must not obey what a server put in there. */
export function escapeControls(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, hex);
}

function hex(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
