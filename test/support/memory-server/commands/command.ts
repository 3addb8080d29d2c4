// One command: how many arguments it takes, behind its name, and what it does with them.
import type { Reply } from '../reply.ts';
import type { Session } from '../session.ts';

export interface Command {
  readonly least: number;
  readonly most: number;
  /** @throws CommandError */
  readonly run: (args: readonly Buffer[], session: Session) => Reply;
}

/** By name, in capitals. */
export type CommandGroup = Readonly<Record<string, Command>>;
