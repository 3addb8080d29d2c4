// The text of --help, made from the table that parses.

import { COMMANDS, isTask, type CommandName, type Task } from './commands.ts';
import { isOf } from './foreign-flags.ts';
import { environmentNameOf, OPTION_LIST, type Option, type OptionName } from './options.ts';

/** One flag, for a page that lists them. */
export interface FlagReference {
  /** Without its dashes: `dry-run`. */
  readonly name: string;
  /** Letters that stand for it behind one dash: `n`. */
  readonly shorts: readonly string[];
  /** What stands for its value: `SIZE`, `replace|skip|fail`; a switch takes none. */
  readonly argument: string | undefined;
  readonly meaning: string;
  /** Without the flag, in words. */
  readonly default: string | undefined;
  /** Its twin in the environment, if it has one: `RUMP_DRY_RUN`. */
  readonly variable: string | undefined;
  /** Whether it may be given more than once. */
  readonly repeatable: boolean;
  /** The head that it stands under: `Which keys`. */
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
sentinels (redis+sentinel://), or a file: .resp, .rdb, or - for stdin or stdout.
With --dry-run a copy looks at both sides, counts, and writes nothing.
`;

const HEAD = `Usage: rump --from ENDPOINT --to ENDPOINT [options]
       rump check --from ENDPOINT --to ENDPOINT [options]

Copies the keys of one Redis or Valkey database into another while both stay
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

Characters such as # @ : in the password may stand as they are.
`;

const TAIL = String.raw`Long flags take one dash or two, and their value behind a space or "=". Every
flag has a twin in the environment: --on-conflict is RUMP_ON_CONFLICT; the
command line wins. A repeatable flag takes one value a line there. Passwords
may come from RUMP_FROM_PASSWORD, RUMP_FROM_SENTINEL_PASSWORD, and the same
with TO. With --to - stdout has nothing but the stream.

A SIZE takes k, M or G (1024), a TIME ms, s, m or h. A GLOB is one of Redis:
* ? [a-z] [^a-z], and \ before a character that is meant as itself.

Exit code: 0 everything is on the target, 1 something was not copied, 2 the
command line cannot be used, 3 a check has found differences, 75 broken off
for a reason that may pass: try again later, 129, 130 or 143 interrupted.
`;

const CHECK_HEAD = `Usage: rump check --from ENDPOINT --to ENDPOINT [options]

Compares the keys of two databases, clusters or files by value, type and
expiry, and writes nothing. A key that differs is looked at again, as it may
be about to be copied. Each difference is a line on stdout:

  + key     only the source has it
  - key     only the target has it
  * key     both have it: what differs stands behind a tab

rump help says what an ENDPOINT is.
`;

const CHECK_TAIL = `Exit code: 0 both sides are equal, 1 something could not be compared, 2 the
command line cannot be used, 3 there are differences, 75 broken off for a
reason that may pass: try again later, 129, 130 or 143 interrupted.
`;

const GROUPS = [
  'Endpoints',
  'TLS and clusters',
  'Which keys',
  'Copy',
  'Check',
  'Load',
  'Output',
] as const satisfies readonly Option['group'][];
const COLUMNS = 79;
const LEFT = 31;

/** What there is in a screen, for whoever has given nothing. */
export function usageText(): string {
  const commands = Object.entries(COMMANDS).map(([name, { help }]) => `  ${name.padEnd(9)}${help}\n`);
  return [USAGE_HEAD, commands.join(''), USAGE_TAIL].join('\n');
}

/** Every flag, in the order of the help. */
export function referenceOf(commands: Readonly<Record<CommandName, object>>): FlagReference[] {
  const tasks = (Object.keys(commands) as CommandName[]).filter(isTask);
  return OPTION_LIST.map(([name, { shorts = [], kind, help, fallback, environment, separator, group }]) => ({
    name,
    shorts,
    argument: kind.placeholder,
    meaning: help,
    default: fallback,
    variable: environment === false ? undefined : environmentNameOf(name),
    repeatable: separator !== undefined,
    group,
    commands: tasks.filter((task) => isOf(task, name)),
  }));
}

/** @param about the one command whose flags are listed; otherwise all are */
export function helpText(about?: Task): string {
  const groups = GROUPS.flatMap((group) => {
    const options = OPTION_LIST.filter(([name, option]) => option.group === group && isListed(name, about));
    if (options.length === 0) return [];
    return `${group}:\n${options.map(([name, option]) => formatOption(name, option)).join('')}`;
  });
  return [about === 'check' ? CHECK_HEAD : HEAD, ...groups, about === 'check' ? CHECK_TAIL : TAIL].join('\n');
}

function isListed(name: OptionName, about: Task | undefined): boolean {
  return about === undefined || isOf(about, name);
}

function formatOption(name: OptionName, { shorts = [], kind, help, fallback }: Option): string {
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
