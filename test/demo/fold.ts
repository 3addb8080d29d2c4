// Lines that are no wider than the terminal: sentences between words, commands as a shell takes them.

const INDENT = '  ';
const CONTINUED = ' \\';

/** Keeps the line ends that are there. */
export function foldText(text: string, columns: number): string {
  return text
    .split('\n')
    .map((paragraph) => fold(paragraph.split(' '), columns, '', ''))
    .join('\n');
}

/** @param parts an option and its value are one */
export function foldCommand(parts: readonly string[], columns: number): string {
  return fold(parts, columns, CONTINUED, INDENT);
}

function fold(parts: readonly string[], columns: number, lineEnd: string, indent: string): string {
  const lines: string[] = [];
  for (const [index, part] of parts.entries()) {
    const last = lines.at(-1);
    const room = index === parts.length - 1 ? columns : columns - lineEnd.length;
    if (last === undefined) lines.push(part);
    else if (last.length + 1 + part.length <= room) lines[lines.length - 1] = `${last} ${part}`;
    else lines.push(indent + part);
  }
  return lines.join(`${lineEnd}\n`);
}
