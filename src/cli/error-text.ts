// An error in the words that the operator gets: one line, and with --debug where it came from.

import { RespError } from '../../resp/errors.ts';
import { escapeControls } from './escape.ts';

/** Ends with a newline. */
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
