// The manual page, in the macros of man(7), from the table of commands, the table of flags, and the words of the help.
import type { Commands } from '../../src/cli/command.ts';
import { HEAD, TAIL, referenceOf, type FlagReference } from '../../src/cli/help.ts';

export function manPage(commands: Commands, version: string): string {
  const [first, ...others] = commands;
  const flags = referenceOf(commands);
  const groups = [...new Set(flags.map(({ group }) => group))];
  const parts = [
    `.TH RUMP 1 "" "rump ${version}" "User Commands"\n.nh\n.ad l\n`,
    `.SH NAME\nrump \\- ${escaped('move a Redis or Valkey database to another while both stay online')}\n`,
    '.SH SYNOPSIS\n',
    ...commands.map(({ name, help: { usage } }) => synopsisOf(name === first.name ? 'rump' : `rump ${name}`, usage)),
    `.SH DESCRIPTION\n${textOf(HEAD)}`,
    '.SH COMMANDS\n',
    ...commands.map(({ name, help: { summary } }) => `.TP\n\\fB${name}\\fR\n${escaped(summary)}\n`),
    '.SH OPTIONS\n',
    ...groups.map((group) => {
      const ofGroup = flags.filter((flag) => flag.group === group);
      return `.SS "${group}"\n${ofGroup.map((flag) => flagOf(flag, commands)).join('')}`;
    }),
    textOf(TAIL),
    ...others.map(({ name, help: { head, tail = '' } }) =>
      head === undefined ? '' : `.SH "RUMP ${name.toUpperCase()}"\n${textOf(head)}${textOf(tail)}`,
    ),
    '.SH EXAMPLES\n',
    ...examples.map(([says, line]) => `${says}:\n.PP\n.nf\n    ${escaped(line)}\n.fi\n.PP\n`),
  ];
  return parts.join('');
}

const examples = [
  ['Copy, then compare', 'rump --from redis://old:6379/0 --to redis://new:6379/0 --verify'],
  [
    'Follow the source until the writers have stopped',
    'rump --live --cutover-file moved --from redis://old:6379 --to redis://new:6379',
  ],
  ['Into a file, and back', 'rump --from redis://old:6379 --to backup.resp.gz'],
] as const;

function synopsisOf(name: string, usage = ''): string {
  return `.B ${escaped(name)}\n${usage === '' ? '' : `${escaped(usage)}\n`}.br\n`;
}

function flagOf(
  { name, shorts, argument, meaning, default: fallback, variable, commands }: FlagReference,
  all: Commands,
): string {
  const names = [...shorts.map((short) => `-${short}`), `--${name}`]
    .map((flag) => `\\fB${escaped(flag)}\\fR`)
    .join(', ');
  const value = argument === undefined ? '' : ` \\fI${escaped(argument)}\\fR`;
  const only = commands.length === 0 || commands.includes(all[0].name) ? [] : [`of ${commands.join(', ')}`];
  const remarks = [
    ...only,
    ...(fallback === undefined ? [] : [`default ${fallback}`]),
    ...(variable === undefined ? [] : [variable]),
  ];
  return `.TP\n${names}${value}\n${escaped(meaning)}${remarks.length === 0 ? '' : escaped(` (${remarks.join('; ')})`)}\n`;
}

/** Paragraphs are filled, lines that are moved to the right stay as they are. */
function textOf(text: string): string {
  const paragraphs = text.trimEnd().split(/\n\n+/);
  return paragraphs
    .map((paragraph) => {
      const lines = paragraph.split('\n');
      const asTheyAre = lines.every((line) => line.startsWith(' '));
      const body = `${lines.map((line) => escaped(asTheyAre ? line : line.trim())).join('\n')}\n`;
      return `.PP\n${asTheyAre ? `.nf\n${body}.fi\n` : body}`;
    })
    .join('');
}

/** As troff prints it; a dot or a quote at the beginning of a line would be a request. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', String.raw`\e`)
    .replaceAll('-', String.raw`\-`)
    .replace(/^[.']/, String.raw`\&$&`);
}
