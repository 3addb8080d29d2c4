// Bytes, texts and errors with words that others chose, made safe to print: what is not plain becomes an escape.

import { RespError } from '../../../resp/errors.ts';

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

/** An error in the words that the operator gets: one line, and with `debug` where it came from. Ends with a newline. */
export function errorText(error: unknown, debug: boolean): string {
  return `rump: ${describe(error)}\n${debug ? trace(error) : ''}`;
}

function describe(error: unknown): string {
  if (!(error instanceof RespError)) return `internal error: ${escapeControls(messageOf(error))}`;
  return escapeControls(error.hint === undefined ? error.message : `${error.message} (${error.hint})`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The stack of the error and of its causes: no properties, for those may hold payloads. */
function trace(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const { message, stack = message } = error;
  // A message is one line, whatever a server put in there; the lines behind it are ours.
  const behind = Math.max(stack.indexOf(message), 0) + message.length;
  const lines = [stack.slice(0, behind), ...stack.slice(behind).split('\n').slice(1)];
  return `${lines.map((line) => `  ${escapeControls(line)}\n`).join('')}${trace(error.cause)}`;
}
