// The one table of commands: what the first word may be, and how each is spoken of. Without a word it is a copy.

export interface Command {
  /** A line of the usage. */
  readonly help: string;
  /** Of what takes two endpoints: what it is called, and what is done to a database. */
  readonly task?: { readonly name: string; readonly verb: string; readonly done: string };
}

export const COMMANDS = {
  copy: {
    help: 'copies the keys; it may be left out',
    task: { name: 'a copy', verb: 'copy', done: 'copied' },
  },
  check: {
    help: 'compares both sides by value and writes to neither',
    task: { name: 'a check', verb: 'compare', done: 'compared' },
  },
  help: { help: 'lists all flags and forms of ENDPOINT; help check those of a check' },
  version: { help: 'prints the version' },
} as const satisfies Readonly<Record<string, Command>>;

export type CommandName = keyof typeof COMMANDS;

/** A command that takes two endpoints. */
export type Task = {
  [Name in CommandName]: (typeof COMMANDS)[Name] extends { task: object } ? Name : never;
}[CommandName];

export const COMMAND_NAMES = Object.keys(COMMANDS) as readonly CommandName[];

export function isCommand(word: string): word is CommandName {
  return Object.hasOwn(COMMANDS, word);
}

export function isTask(name: CommandName | undefined): name is Task {
  return name !== undefined && 'task' in COMMANDS[name];
}
