// Commands about the connection itself: PING, ECHO, AUTH, SELECT, CLIENT.
import { CommandError, OK, SimpleString, type Reply } from '../reply.ts';
import type { Session } from '../session.ts';
import { integerOf, wordOf, wrongArity } from './argument.ts';
import type { CommandGroup } from './command.ts';

const PONG = new SimpleString('PONG');
const ONLY_USER = 'default';

export const connectionCommands: CommandGroup = {
  PING: { least: 0, most: 1, run: ([text]) => text ?? PONG },
  ECHO: { least: 1, most: 1, run: ([text]) => text! },
  AUTH: { least: 1, most: 2, run: authenticate },
  SELECT: { least: 1, most: 1, run: select },
  CLIENT: { least: 1, most: Infinity, run: client },
};

function authenticate(args: readonly Buffer[], session: Session): Reply {
  const [user, password] = args.length === 1 ? [ONLY_USER, args[0]] : [args[0]!.toString('latin1'), args[1]];
  const expected = session.server.password;
  if (expected === undefined && args.length === 1) {
    throw new CommandError(
      'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
    );
  }
  // Without a password of its own the default user takes any.
  const isRight = expected === undefined || password!.equals(Buffer.from(expected));
  if (user !== ONLY_USER || !isRight) {
    throw new CommandError('WRONGPASS invalid username-password pair or user is disabled.');
  }
  session.authenticated = true;
  return OK;
}

function select([index]: readonly Buffer[], session: Session): Reply {
  if (!session.select(integerOf(index))) throw new CommandError('ERR DB index is out of range');
  return OK;
}

function client(args: readonly Buffer[], session: Session): Reply {
  const subcommand = wordOf(args[0]);
  const expected = { ID: 1, GETNAME: 1, SETNAME: 2 }[subcommand];
  if (expected === undefined) {
    throw new CommandError(`ERR unknown subcommand '${args[0]!.toString('latin1')}'. Try CLIENT HELP.`);
  }
  if (args.length !== expected) throw wrongArity(`client|${subcommand}`);
  if (subcommand === 'ID') return session.id;
  if (subcommand === 'GETNAME') return session.name === '' ? null : session.name;
  const name = args[1]!.toString('latin1');
  if (!/^[!-~]*$/.test(name)) {
    throw new CommandError('ERR Client names cannot contain spaces, newlines or special characters.');
  }
  session.name = name;
  return OK;
}
