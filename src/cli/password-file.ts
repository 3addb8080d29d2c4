// A password that is kept in a file, so that it is neither in the process list nor in the shell history.

import { TextFile } from './text-file.ts';

/**
 * The text of the file without the newline at its end.
 * @throws UsageError
 */
export function readPasswordFile(path: string): string {
  const file = new TextFile('password', path);
  const password = file.text.replace(/\r?\n$/, '');
  if (password === '') throw file.refusal('it is empty');
  return password;
}
