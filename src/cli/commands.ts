// The table of commands; the first is the default. A new command is a file and a line here.

import type { Commands } from './command.ts';
import { check } from './check.ts';
import { copy } from './copy.ts';
import { help, version } from './help.ts';

export const COMMANDS: Commands = [copy, check, help, version];
