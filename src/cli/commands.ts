// The table of commands. The first one needs no word. A new command is a file and a line in here.

import type { Command } from './command.ts';
import { check } from './check.ts';
import { copy } from './copy.ts';
import { help, version } from './help.ts';

export const COMMANDS: readonly [Command, ...Command[]] = [copy, check, help, version];
