// All commands of the server, and the way of a request to its reply.
import { CommandError, type Reply } from '../reply.ts';
import type { Session } from '../session.ts';
import { wrongArity } from './argument.ts';
import { collectionCommands } from './collection-commands.ts';
import type { Command } from './command.ts';
import { connectionCommands } from './connection-commands.ts';
import { expiryCommands } from './expiry-commands.ts';
import { keyCommands } from './key-commands.ts';
import { payloadCommands } from './payload-commands.ts';
import { serverCommands } from './server-commands.ts';
import { sortedSetCommands } from './sorted-set-commands.ts';
import { streamCommands } from './stream-commands.ts';
import { stringCommands } from './string-commands.ts';

const GROUPS = [
  connectionCommands,
  serverCommands,
  keyCommands,
  expiryCommands,
  stringCommands,
  collectionCommands,
  sortedSetCommands,
  streamCommands,
  payloadCommands,
];

const COMMANDS = new Map<string, Command>(GROUPS.flatMap((group) => Object.entries(group)));
/** Of a name or an argument, in an error. */
const SHOWN = 128;

export function execute(session: Session, request: readonly Buffer[]): Reply {
  try {
    const [name, ...args] = request as readonly [Buffer, ...Buffer[]];
    const known = name.toString('latin1').toUpperCase();
    const command = COMMANDS.get(known);
    if (command === undefined || session.server.unknown.has(known)) throw unknownCommand(name, args);
    if (args.length < command.least || args.length > command.most) throw wrongArity(name.toString('latin1'));
    if (!session.authenticated && command !== connectionCommands['AUTH']) {
      throw new CommandError('NOAUTH Authentication required.');
    }
    session.database.settle(Date.now());
    return command.run(args, session);
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
}

function unknownCommand(name: Buffer, args: readonly Buffer[]): CommandError {
  let shown = '';
  for (const arg of args) {
    if (shown.length >= SHOWN) break;
    shown += `'${arg.toString('latin1', 0, SHOWN - shown.length)}' `;
  }
  return new CommandError(
    `ERR unknown command '${name.toString('latin1', 0, SHOWN)}', with args beginning with: ${shown}`,
  );
}
