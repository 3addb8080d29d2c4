// The pages of the project as tests read them: sections, tables, blocks of code, and the table of flags as it has to be.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { COMMANDS } from '../../src/cli/commands.ts';
import { referenceOf } from '../../src/cli/help.ts';

/** The root of the project. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const FLAGS = /(<!-- flags: .*-->\n)[^]*?(<!-- \/flags -->\n)/;

export function read(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}

/** From a heading of any level to the next one. */
export function sectionOf(heading: string, page = 'README.md'): string {
  const section = new RegExp(`^#+ ${heading}\n([^]*?)(?=^#+ |(?![^]))`, 'm').exec(read(page))?.[1];
  assert.ok(section, `${page} has no section ${heading}`);
  return section;
}

/** The cells of the section's table without its head, and without the marks of code. */
export function rowsOf(heading: string, page?: string): string[][] {
  const lines = sectionOf(heading, page)
    .split('\n')
    .filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.replaceAll(/[`\\]/g, '').trim()),
  );
}

/** What stands in the section between fences of that language, in order. */
export function blocksOf(heading: string, language: string): string[] {
  const blocks = sectionOf(heading).matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'gm'));
  return Array.from(blocks, ([, block]) => block!);
}

/** @returns the page with the table of flags as the parser has them */
export function withFlags(page: string): string {
  assert.match(page, FLAGS, 'The page has no place for the table of flags');
  return page.replace(FLAGS, (_, begin: string, end: string) => `${begin}\n${flagTable()}\n${end}`);
}

function flagTable(): string {
  const rows = referenceOf(COMMANDS).map(({ name, shorts, argument, meaning, default: fallback = '', commands }) => {
    const letters = shorts.map((short) => `-${short}, `).join('');
    const value = argument === undefined ? '' : ` ${argument.replaceAll('|', '\\|')}`;
    const [one, another] = commands;
    const only = another === undefined ? `; only of ${COMMANDS.find((command) => command.name === one)?.noun}` : '';
    return [`\`${letters}--${name}${value}\``, `${meaning}${only}`, fallback];
  });
  const head = ['flag', 'meaning', 'default'];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const lines = [head, widths.map((width) => '-'.repeat(width)), ...rows].map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |\n`,
  );
  return lines.join('');
}
