// rump help and rump version. The help is made from the table of commands and the table of flags.

import { readFileSync } from 'node:fs';
import type { Command, Program, Request } from './command.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { environmentNameOf, OPTION_LIST } from './flags/options.ts';

export const help: Command = {
  name: 'help',
  noun: 'the help',
  help: { summary: 'lists all flags and forms of ENDPOINT; help check those of a check' },
  operands: 'a command',
  async run({ isAsked, operands: [about] }: Request, { commands, stdout, stderr }: Program): Promise<ExitCode> {
    if (isAsked) stdout.write(helpText(commands, about));
    else stderr.write(usageText(commands));
    return isAsked ? EXIT_CODES.done : EXIT_CODES.usage;
  },
};

export const version: Command = {
  name: 'version',
  noun: 'the version',
  help: { summary: 'prints the version' },
  async run(_: Request, { stdout }: Program): Promise<ExitCode> {
    stdout.write(`rump ${versionNumber()}\n`);
    return EXIT_CODES.done;
  },
};

/** Written into the file that `npm run bundle` makes, which has no package around it. */
declare const RUMP_VERSION: string | undefined;

export function versionNumber(): string {
  if (typeof RUMP_VERSION === 'string') return RUMP_VERSION;
  // Seen from `dist/src/cli`.
  const manifest = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

/** One flag, as the README lists it. */
export interface FlagReference {
  /** Without its dashes: `dry-run`. */
  readonly name: string;
  /** Letters that stand for it behind one dash: `n`. */
  readonly shorts: readonly string[];
  /** What stands for its value: `SIZE`, `replace|skip|fail`; a switch takes none. */
  readonly argument: string | undefined;
  readonly meaning: string;
  /** What holds without the flag, in words. */
  readonly default: string | undefined;
  /** Its twin in the environment, if it has one: `RUMP_DRY_RUN`. */
  readonly variable: string | undefined;
  /** Whether it may be given more than once. */
  readonly repeatable: boolean;
  /** Its heading in the help: `Which keys`. */
  readonly group: string;
  /** Names of the commands that take it: `copy`, `check`. */
  readonly commands: readonly string[];
}

const USAGE_HEAD = `rump copies the keys of one Redis or Valkey database into another.

Usage: rump [COMMAND] --from ENDPOINT --to ENDPOINT [options]
`;

const USAGE_TAIL = `Examples:
  rump --from redis://127.0.0.1:6379/0 --to redis://:secret@192.168.0.153/0
  rump check --from redis://127.0.0.1:6379 --to backup.resp

An ENDPOINT is a server or any node of a cluster (redis://, rediss://, unix://),
sentinels (redis+sentinel://), or a file: .resp, .rdb, .ndjson, - for a pipe.
With --dry-run a copy looks at both sides, counts, and writes nothing.
`;

/** Where the help of everything begins, and where it ends. */
export const HEAD = `Copies the keys of one Redis or Valkey database into another while both stay
online; with check, compares them and writes nothing. rump help check lists
the flags of that. An ENDPOINT is one of

  redis://[[user]:password@]host[:6379][/db]
        a server, or any node of a cluster; rediss:// is TLS, valkey:// and
        valkeys:// are the same; host:port[/db] alone is redis://
  redis+sentinel://[[user]:password@]host[:26379][,host...]/service[/db]
        the primary that sentinels know; rediss+sentinel:// is TLS
  unix://[[user]:password@]/path/to/socket[?db=N]
  PATH.resp, or - for stdin or stdout
        a stream of RESTORE commands, as redis-cli --pipe takes it
  PATH.rdb
        a snapshot file, as the source
  PATH.ndjson, or -.ndjson for stdout
        a JSON object a line for each key, as the target

Characters such as # @ : in the password may stand as they are.
`;

export const TAIL = String.raw`Long flags take one dash or two, and their value behind a space or "=". Every
flag has a twin in the environment: --on-conflict is RUMP_ON_CONFLICT; the
command line wins. A repeatable flag takes one value a line there. Passwords
may come from RUMP_FROM_PASSWORD, RUMP_FROM_SENTINEL_PASSWORD, and the same
with TO. With --to - or -.ndjson stdout has nothing but the stream.

A SIZE takes k, M or G (1024), a TIME ms, s, m or h. A GLOB is one of Redis:
* ? [a-z] [^a-z], and \ before a character that is meant as itself.

Exit code: 0 everything is on the target, 1 something was not copied, 2 the
command line cannot be used, 3 a check has found differences, 75 broken off
for a reason that may pass: try again later, 129, 130 or 143 interrupted.
`;

const COLUMNS = 79;
const LEFT = 31;

/** The one screen that `rump` alone prints. */
export function usageText(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 2;
  const lines = commands.map(({ name, help: { summary } }) => `  ${name.padEnd(width)}${summary}\n`);
  return [USAGE_HEAD, lines.join(''), USAGE_TAIL].join('\n');
}

/** @param about a command: only its flags are listed */
export function helpText(commands: readonly Command[], about?: string): string {
  const subject = commands.find(({ name }) => name === about);
  const { head = HEAD, tail = TAIL } = subject?.help ?? {};
  const shown = subject?.help.head === undefined ? commands : [subject];
  const usages = shown.flatMap(({ name, help: { usage } }) => {
    if (usage === undefined) return [];
    return name === commands[0]?.name ? `rump ${usage}\n` : `rump ${name} ${usage}\n`;
  });
  const groups = [...new Set(OPTION_LIST.map(([, { group }]) => group))].flatMap((group) => {
    const options = OPTION_LIST.filter(
      ([name, option]) => option.group === group && (subject?.flags?.has(name) ?? true),
    );
    return options.length === 0 ? [] : `${group}:\n${options.map(formatOption).join('')}`;
  });
  return [`Usage: ${usages.join('       ')}`, head, ...groups, tail].join('\n');
}

/** Every flag, in the order of the help. */
export function referenceOf(commands: readonly Command[]): FlagReference[] {
  return OPTION_LIST.map(([name, { shorts = [], kind, help, fallback, environment, separator, group }]) => ({
    name,
    shorts,
    argument: kind.placeholder,
    meaning: help,
    default: fallback,
    variable: environment === false ? undefined : environmentNameOf(name),
    repeatable: separator !== undefined,
    group,
    commands: commands.filter(({ flags }) => flags?.has(name)).map((command) => command.name),
  }));
}

function formatOption([name, { shorts = [], kind, help, fallback }]: (typeof OPTION_LIST)[number]): string {
  const letters = shorts.length === 0 ? '    ' : shorts.map((short) => `-${short}, `).join('');
  const flag = [letters, `--${name}`, kind.placeholder === undefined ? '' : ' '];
  const left = `  ${flag.join('')}${kind.placeholder ?? ''}`;
  const lines = wrap(fallback === undefined ? help : `${help} (default ${fallback})`, COLUMNS - LEFT);
  const head = left.length < LEFT - 1 ? left.padEnd(LEFT) + lines.shift()! : left;
  return [head, ...lines.map((line) => ' '.repeat(LEFT) + line)].map((line) => `${line}\n`).join('');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
