// Makes keys, texts and errors safe to print: what a terminal would obey becomes an escape.

import { RespError } from '../../../resp/errors.ts';

/** Any byte string as one line of ASCII that can be decoded again: `\\`, `\"` and `\xHH`. */
export function escapeKey(key: Buffer): string {
  // Latin-1 gives one character a byte.
  return key.toString('latin1').replaceAll(/[^ !#-[\]-~]/g, (character) => {
    return character === '\\' || character === '"' ? `\\${character}` : hex(character);
  });
}

/** What a terminal obeys or does not show: controls, marks of direction, line separators, lone surrogates. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** A text as one line that a terminal does not obey, whatever a server put into it. Escapes in it are left as they are. */
export function escapeControls(text: string): string {
  return text.replaceAll(UNSEEN, hex);
}

/** The same for JSON, which keeps its meaning. */
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

/** An error as the operator sees it: one line, and with `debug` its stack. Ends with a newline. */
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

/** The stacks of the error and of its causes, but no properties: these may hold payloads. */
function trace(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const { message, stack = message } = error;
  // The message becomes one line, whatever a server put into it; the lines after it are ours.
  const behind = Math.max(stack.indexOf(message), 0) + message.length;
  const lines = [stack.slice(0, behind), ...stack.slice(behind).split('\n').slice(1)];
  return `${lines.map((line) => `  ${escapeControls(line)}\n`).join('')}${trace(error.cause)}`;
}
