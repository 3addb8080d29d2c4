// rump completion: what a shell has to know to complete a command line of rump, from the tables of commands and of flags.

import type { Command, Commands, Program, Request } from './command.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { UsageError } from './flags/kinds.ts';
import { OPTION_LIST } from './flags/options.ts';
import { SHELLS, type Choices, type KnownCommand, type KnownFlag } from './shells.ts';

export async function runCompletion({ operands }: Request, { commands, stdout }: Program): Promise<ExitCode> {
  const [shell, extra] = operands;
  const names = Object.keys(SHELLS);
  if (shell === undefined || extra !== undefined || !Object.hasOwn(SHELLS, shell)) {
    const what = shell === undefined ? 'no shell' : 'that';
    throw new UsageError(
      `Cannot print completions for ${what}: it is one of ${names.join(', ')}`,
      'write rump completion bash',
    );
  }
  stdout.write(SHELLS[shell]!(knownCommands(commands)));
  return EXIT_CODES.done;
}

/** As much of the commands as a shell has to know. The first is the one that needs no word. */
export function knownCommands(commands: Commands): readonly KnownCommand[] {
  const names = commands.map(({ name }) => name);
  return commands.map((command) => ({
    name: command.name,
    summary: command.help.summary,
    flags: OPTION_LIST.filter(([name]) => name === 'help' || command.flags?.has(name)).map(
      ([name, { shorts = [], kind, help, separator }]): KnownFlag => {
        const choices = kind.placeholder === undefined ? undefined : choicesOf(kind.placeholder);
        return { name, shorts, help, choices, isRepeatable: separator !== undefined };
      },
    ),
    operands: operandsOf(command, names),
  }));
}

function operandsOf({ operands, help, subcommands = [] }: Command, names: readonly string[]): readonly Choices[] {
  if (operands === undefined) return [];
  if (operands === 'a command') return [{ words: names, paths: undefined }];
  const placeholders = (help.usage ?? '').split(' ').filter((word) => /^[\w|]+$/.test(word));
  return placeholders.map((word) => (word === 'COMMAND' ? { words: subcommands, paths: undefined } : choicesOf(word)));
}

/** Of `a|b|FILE`: what is written in small letters stands for itself, and some of the others for paths. */
export function choicesOf(placeholder: string): Choices {
  const parts = placeholder.split('|');
  return {
    words: parts.filter((part) => /^[a-z][a-z-]*$/.test(part)),
    paths: parts.some((part) => /^(?:FILE|SOCKET)\b/.test(part))
      ? 'files'
      : parts.includes('DIR')
        ? 'folders'
        : undefined,
  };
}
